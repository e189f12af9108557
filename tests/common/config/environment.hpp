// SPDX-License-Identifier: Apache-2.0
// Environment variables and files that last as long as a test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace tally::test {

/// Sets (or unsets, for nullptr) a variable and puts the old value back.
class Variable {
public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* old = ::getenv(name)) old_ = old;
        set(value);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { set(old_ ? old_->c_str() : nullptr); }

private:
    void set(const char* value) { value != nullptr ? ::setenv(name_, value, 1) : ::unsetenv(name_); }
    const char* name_;
    std::optional<std::string> old_;
};

/// A directory of its own, removed at the end.
class Directory {
public:
    Directory() {
        std::string name = std::filesystem::temp_directory_path() / "tally-test-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory");
        path_ = name;
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    const std::string& path() const { return path_; }
    std::string write(const std::string& name, std::string_view text) const {
        const auto file = path_ + "/" + name;
        std::ofstream{file, std::ios::binary} << text;
        return file;
    }

private:
    std::string path_;
};

}  // namespace tally::test

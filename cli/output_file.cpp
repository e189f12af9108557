// SPDX-License-Identifier: Apache-2.0
// mkstemp, write, fsync, rename.
#include "cli/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "cli/console.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {

/// The mode that a new file gets from open(), which mkstemp() does not give.
mode_t default_mode() noexcept {
    const auto mask = ::umask(0);
    ::umask(mask);
    return 0666 & ~mask;
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
    struct stat existing {};
    const bool exists = ::stat(path_.c_str(), &existing) == 0;
    if (exists && !S_ISREG(existing.st_mode)) {
        file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (file_ < 0) fail("open");
        return;
    }
    // Through a link the file it points to is replaced, not the link.
    std::error_code ignored;
    if (exists) path_ = std::filesystem::canonical(path_, ignored).string();
    temporary_ = path_ + ".XXXXXX";
    file_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
    if (file_ < 0) {
        temporary_.clear();
        fail("create");
    }
    ::fchmod(file_, exists ? existing.st_mode & 07777 : default_mode());
}

OutputFile::~OutputFile() {
    if (file_ >= 0) ::close(file_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(std::string_view data) {
    while (!data.empty()) {
        const auto count = ::write(file_, data.data(), data.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EPIPE) throw ClosedPipe{};
        if (count < 0) fail("write");
        data.remove_prefix(static_cast<std::size_t>(count));
    }
}

void OutputFile::commit() {
    // EINVAL: a pipe or a terminal, which cannot be synchronised.
    if (::fsync(file_) != 0 && errno != EINVAL) fail("write");
    const auto file = std::exchange(file_, -1);
    if (::close(file) != 0) fail("write");
    if (temporary_.empty()) return;
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("rename to");
    temporary_.clear();
}

void OutputFile::fail(std::string_view what) const {
    throw Error{Fault::failed, fmt::format("cannot {} '{}': {}", what, path_, std::strerror(errno))};
}

}  // namespace tally::cli

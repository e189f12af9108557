// SPDX-License-Identifier: Apache-2.0
// XLSX by libxlsxwriter, in its mode of constant memory: rows go to a file of each sheet at once, and are packed at the
// end.
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/export_writer.hpp"
#include "common/error.hpp"
#include "common/postgres/value.hpp"

namespace tally::cli {

namespace {

constexpr std::size_t kBlock = 256U << 10U;
constexpr Day kFirstDay{std::chrono::year{1900} / 3 / 1};   // before it Excel counts a day that never was
constexpr Day kDayZero{std::chrono::year{1899} / 12 / 30};  // of the numbers by which Excel counts days

/// A directory for this writer alone, removed with all that is in it.
class Scratch {
public:
    Scratch() {
        const char* told = std::getenv("TMPDIR");
        path_ = fmt::format("{}/tallyctl-xlsx-XXXXXX", told == nullptr || *told == '\0' ? "/tmp" : told);
        if (::mkdtemp(path_.data()) == nullptr)
            throw Error{
                Fault::failed,
                fmt::format("cannot make a directory like '{}': {}", path_, std::generic_category().message(errno)),
                "XLSX needs room for temporary files: set TMPDIR to a directory that you may write."};
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    std::string path(const char* name) const { return path_ + "/" + name; }
    const std::string& directory() const noexcept { return path_; }
    [[noreturn]] void fail(std::string_view why) const {
        throw Error{
            Fault::failed, fmt::format("cannot make the workbook in '{}': {}", path_, why),
            "XLSX needs about 2 kB a row until it is packed: set TMPDIR to a directory with room, or export CSV."};
    }

private:
    std::string path_;
};

struct CloseWorkbook {
    void operator()(lxw_workbook* workbook) const noexcept { lxw_workbook_free(workbook); }
};

class XlsxWriter : public ExportWriter {
public:
    XlsxWriter(const Columns& columns, const ExportStyle& style, Sink sink)
        : columns_(columns),
          name_(style.sheet),
          rows_a_sheet_(style.rows_a_sheet),
          sink_(std::move(sink)),
          file_(scratch_.path("export.xlsx")) {
        auto directory = scratch_.directory();
        lxw_workbook_options options{};
        options.constant_memory = LXW_TRUE;
        options.use_zip64 = LXW_TRUE;
        options.tmpdir = directory.data();  // copied
        workbook_.reset(workbook_new_opt(file_.c_str(), &options));
        if (!workbook_) scratch_.fail("it cannot be begun");
        header_ = format([](auto* f) { format_set_bold(f); });
        day_ = format([](auto* f) { format_set_num_format(f, "yyyy-mm-dd"); });
        time_ = format([](auto* f) { format_set_num_format(f, "yyyy-mm-dd hh:mm:ss"); });
        add_sheet();
    }

    void append(Fields row) override {
        if (row_ > rows_a_sheet_) add_sheet();
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (row[i]) write(static_cast<lxw_col_t>(i), *row[i]);
        }
        ++row_;
    }

    void finish() override {
        std::uint64_t bytes = 0;
        for (auto* sheet : sheets_) {
            // libxlsxwriter does not look whether what it wrote has found room.
            if (std::fflush(sheet->optimize_tmpfile) != 0 || std::ferror(sheet->optimize_tmpfile) != 0)
                scratch_.fail("no room for its rows");
            bytes += static_cast<std::uint64_t>(::ftello(sheet->optimize_tmpfile));
        }
        struct statvfs room {};
        if (::statvfs(scratch_.directory().c_str(), &room) == 0 && room.f_bavail * room.f_frsize < bytes + bytes / 4)
            scratch_.fail("no room to pack its rows");
        if (const auto error = workbook_close(workbook_.release()); error != LXW_NO_ERROR)
            scratch_.fail(lxw_strerror(error));
        std::ifstream packed{file_, std::ios::binary};
        std::string block(kBlock, '\0');
        while (packed.read(block.data(), static_cast<std::streamsize>(block.size())) || packed.gcount() > 0)
            sink_(std::string_view{block}.substr(0, static_cast<std::size_t>(packed.gcount())));
        if (!packed.eof()) scratch_.fail("it cannot be read back");
    }

private:
    lxw_format* format(void (*set)(lxw_format*)) {
        auto* made = workbook_add_format(workbook_.get());
        set(made);
        return made;
    }

    void add_sheet() {
        const auto name = sheets_.empty() ? name_ : fmt::format("{} {}", name_, sheets_.size() + 1);
        sheets_.push_back(workbook_add_worksheet(workbook_.get(), name.c_str()));
        if (sheets_.back() == nullptr) scratch_.fail("a sheet cannot be begun");
        row_ = 0;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const auto column = static_cast<lxw_col_t>(i);
            worksheet_set_column(sheets_.back(), column, column, columns_[i].width, nullptr);
            worksheet_write_string(sheets_.back(), row_, column, columns_[i].name.c_str(), header_);
        }
        worksheet_freeze_panes(sheets_.back(), 1, 0);
        ++row_;
    }

    void write(lxw_col_t column, std::string_view field) {
        switch (columns_[column].kind) {
            case ColumnKind::number: {
                double number = 0;
                std::from_chars(field.data(), field.data() + field.size(), number);
                return write_number(column, number, nullptr);
            }
            case ColumnKind::date: {
                const auto day = postgres::day_from_text(field);
                if (day < kFirstDay) return write_text(column, field);
                return write_number(column, static_cast<double>((day - kDayZero).count()), day_);
            }
            case ColumnKind::time: {
                const std::chrono::duration<double, std::chrono::days::period> since =
                    postgres::instant_from_text(field) - Instant{kDayZero.time_since_epoch()};
                return write_number(column, since.count(), time_);
            }
            case ColumnKind::boolean:
                worksheet_write_boolean(sheets_.back(), row_, column, field == "t" ? 1 : 0, nullptr);
                return;
            case ColumnKind::json:
                scratch_text_.clear();
                append_compact_json(scratch_text_, field);
                return write_text(column, scratch_text_);
            case ColumnKind::text:
                return write_text(column, field);
        }
    }

    void write_number(lxw_col_t column, double number, lxw_format* as) {
        worksheet_write_number(sheets_.back(), row_, column, number, as);
    }

    /// A text is a text, also when it begins with '=': nothing here is a formula.
    void write_text(lxw_col_t column, std::string_view text) {
        terminated_.assign(text);
        const auto error = worksheet_write_string(sheets_.back(), row_, column, terminated_.c_str(), nullptr);
        if (error == LXW_NO_ERROR) return;
        throw Error{Fault::failed,
                    fmt::format("row {}: '{}' cannot be a cell of a workbook: {}", row_, columns_[column].name,
                                lxw_strerror(error)),
                    "Export CSV or NDJSON, which have no such limit."};
    }

    const Columns columns_;
    const std::string name_;
    const std::uint32_t rows_a_sheet_;
    Sink sink_;
    Scratch scratch_;
    std::string file_;
    std::unique_ptr<lxw_workbook, CloseWorkbook> workbook_;
    std::vector<lxw_worksheet*> sheets_;  // the workbook's
    lxw_format *header_ = nullptr, *day_ = nullptr, *time_ = nullptr;
    lxw_row_t row_ = 0;
    std::string scratch_text_, terminated_;
};

}  // namespace

std::unique_ptr<ExportWriter> make_xlsx_writer(const Columns& columns, const ExportStyle& style,
                                               ExportWriter::Sink sink) {
    if (columns.size() > LXW_COL_MAX)
        throw Error{Fault::failed,
                    fmt::format("{} columns are more than a sheet has ({})", columns.size(), LXW_COL_MAX),
                    "Export fewer of them, or CSV or NDJSON, which have no such limit."};
    return std::make_unique<XlsxWriter>(columns, style, std::move(sink));
}

}  // namespace tally::cli

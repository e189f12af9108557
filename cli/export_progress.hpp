// SPDX-License-Identifier: Apache-2.0
// How far an export is, for whoever waits for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tally::cli {

/// "1,234,000 rows, 400,000/s, about 42 %, 5s left". Never more than 99 %: the end says itself.
/// @param share of what there is to do, as estimated; nullopt: not known
std::string render_export_progress(std::int64_t rows, std::chrono::duration<double> elapsed,
                                   std::optional<double> share);

}  // namespace tally::cli

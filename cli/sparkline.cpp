// SPDX-License-Identifier: Apache-2.0
#include "cli/sparkline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace tally::cli {

namespace {
constexpr std::array<std::string_view, 8> kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 8> kLetters{"_", ",", "-", "~", "=", "+", "*", "#"};
constexpr std::size_t kMiddle = 3;
}  // namespace

std::string sparkline(const std::vector<std::optional<double>>& values, bool blocks) {
    std::optional<double> least, most;
    for (const auto& value : values) {
        if (!value) continue;
        if (!least || *value < *least) least = value;
        if (!most || *value > *most) most = value;
    }
    const auto& signs = blocks ? kBlocks : kLetters;
    std::string line;
    for (const auto& value : values) {
        if (!value) {
            line += blocks ? "·" : ".";
        } else if (*most <= *least) {
            line += signs.at(kMiddle);
        } else {
            // Halved first: the distance of two finite numbers may not be one.
            const auto height = (*value / 2 - *least / 2) / (*most / 2 - *least / 2);
            line += signs.at(std::min(static_cast<std::size_t>(height * kBlocks.size()), kBlocks.size() - 1));
        }
    }
    return line;
}

std::vector<std::optional<double>> condense(const std::vector<std::optional<double>>& values, std::size_t most) {
    if (values.size() <= most || most == 0) return values;
    std::vector<std::optional<double>> cells;
    for (std::size_t cell = 0; cell < most; ++cell) {
        double sum = 0;
        std::size_t count = 0;
        for (auto i = cell * values.size() / most; i < (cell + 1) * values.size() / most; ++i) {
            if (!values[i]) continue;
            sum += *values[i];
            ++count;
        }
        cells.push_back(count > 0 ? std::optional{sum / static_cast<double>(count)} : std::nullopt);
    }
    return cells;
}

}  // namespace tally::cli

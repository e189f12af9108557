// SPDX-License-Identifier: Apache-2.0
// tallyctl doctor
#include <fmt/format.h>

#include <algorithm>

#include "cli/command/handlers.hpp"
#include "cli/context.hpp"
#include "cli/doctor/examine.hpp"
#include "common/or_null.hpp"

namespace tally::cli {

namespace {

using doctor::Finding;
using doctor::Verdict;

Tone tone_of(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::ok:
            return Tone::good;
        case Verdict::warning:
            return Tone::warning;
        case Verdict::failed:
            return Tone::bad;
        case Verdict::skipped:
            break;
    }
    return Tone::faint;
}

Json to_json(const doctor::Findings& findings) {
    auto list = Json::array();
    for (const auto& finding : findings)
        list.push_back({{"check", finding.check},
                        {"state", doctor::to_text(finding.verdict)},
                        {"message", finding.message},
                        {"remedy", or_null(finding.remedy)}});
    return list;
}

void print(Context& context, const doctor::Findings& findings) {
    std::size_t width = 0;
    for (const auto& finding : findings) width = std::max(width, finding.check.size());
    for (const auto& finding : findings) {
        const auto state = fmt::format("{:<7}", doctor::to_text(finding.verdict));
        context.console.out(fmt::format("{}  {:<{}}  {}\n",
                                        context.console.palette().paint(tone_of(finding.verdict), state), finding.check,
                                        width, printable(finding.message)));
        if (!finding.remedy.empty())
            context.console.out(fmt::format("{:<{}}  -> {}\n", "", width + 7, printable(finding.remedy)));
    }
}

std::string summary(const doctor::Findings& findings) {
    const auto count = [&](Verdict verdict) {
        return std::count_if(findings.begin(), findings.end(),
                             [&](const Finding& finding) { return finding.verdict == verdict; });
    };
    return fmt::format("{} ok, {} warnings, {} failed, {} skipped", count(Verdict::ok), count(Verdict::warning),
                       count(Verdict::failed), count(Verdict::skipped));
}

}  // namespace

int examine_all(Context& context, const Arguments&) {
    const auto findings = doctor::examine(context.config_path());
    if (context.json) {
        context.print(to_json(findings));
    } else {
        print(context, findings);
        context.console.say(summary(findings));
    }
    return doctor::exit_code_of(findings);
}

}  // namespace tally::cli

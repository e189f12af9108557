// SPDX-License-Identifier: Apache-2.0
// Any bytes as a cron line: an Error, or a line whose next minute comes later, in zones with all kinds of clock
// changes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/config/cron.hpp"
#include "common/error.hpp"
#include "daemon/schedule/schedule.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tally;
    using namespace std::chrono;
    if (size < 4) return 0;
    // The first four bytes choose the moment, within 2006 to 2036.
    const auto offset = data[0] | data[1] << 8 | data[2] << 16 | (data[3] & 0x3F) << 24;
    const Instant now = sys_days{2006y / 1 / 1} + seconds{offset};
    try {
        const auto cron = config::Cron::parse({reinterpret_cast<const char*>(data) + 4, size - 4});
        for (const auto* zone : {"UTC", "America/Los_Angeles", "Australia/Lord_Howe", "America/Sao_Paulo"}) {
            const schedule::Schedule line{schedule::CronIn{cron, TimeZone::find(zone).value()}, {}};
            const auto slot = next_slot(line, seconds{0}, {}, now);
            if (slot <= now || next_slot(line, seconds{0}, {}, slot - microseconds{1}) != slot) std::abort();
        }
    } catch (const Error& error) {
        if (error.fault() != Fault::config) std::abort();
    }
    return 0;
}

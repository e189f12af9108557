// SPDX-License-Identifier: Apache-2.0
// Any bytes as tallyd.yaml: an Error with a place, or a configuration that survives being shown and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/config/options.hpp"
#include "common/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tally;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    std::string shown;
    config::Config config;
    try {
        config = config::parse(YamlNode::parse(text, "fuzz.yaml"));
        shown = config::to_json(config).dump(-1, ' ', true);
    } catch (const Error& error) {
        if (error.fault() != Fault::config || !std::string_view{error.what()}.starts_with("fuzz.yaml:")) std::abort();
        return 0;
    } catch (const nlohmann::json::type_error&) {
        return 0;  // a text that is not UTF-8 cannot be shown
    }
    auto again = config::to_json(config::parse(YamlNode::parse(shown, "fuzz.yaml")));
    if (again.dump(-1, ' ', true) != shown) std::abort();
    return 0;
}

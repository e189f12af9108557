// SPDX-License-Identifier: Apache-2.0
// Asks libcurl.
#include "daemon/net/tls_roots.hpp"

#include <curl/curl.h>

namespace tally::net {

TlsRoots tls_roots() {
    const auto* info = curl_version_info(CURLVERSION_NOW);
    return {.file = info->cainfo != nullptr ? info->cainfo : "",
            .directory = info->capath != nullptr ? info->capath : ""};
}

}  // namespace tally::net

// SPDX-License-Identifier: Apache-2.0
// Names the phase that failed.
#include "daemon/collect/transport_verdict.hpp"

namespace tally::collect {

platform::Verdict transport_verdict(const net::Response& response) {
    platform::Verdict verdict;
    verdict.outcome = platform::Outcome::retry;
    switch (response.failure) {
        case net::Response::Failure::resolve:
            verdict.code = "dns";
            break;
        case net::Response::Failure::connect:
            verdict.code = "connect";
            break;
        case net::Response::Failure::tls:
            verdict.code = "tls";
            break;
        case net::Response::Failure::timeout:
            verdict.code = "timeout";
            break;
        case net::Response::Failure::too_large:
            verdict.code = "too large";
            break;
        default:
            verdict.code = "network";
            break;
    }
    verdict.message = response.failure_text;
    return verdict;
}

}  // namespace tally::collect

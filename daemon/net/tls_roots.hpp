// SPDX-License-Identifier: Apache-2.0
// Where libcurl looks for the certificates that it trusts.
#pragma once

#include <string>

namespace tally::net {

struct TlsRoots {
    std::string file;       ///< a bundle in PEM; empty: none is built in
    std::string directory;  ///< of hashed names; empty: none is built in
};

/// What is built into libcurl; nothing of ours changes it. Says nothing of whether they are there.
TlsRoots tls_roots();

}  // namespace tally::net

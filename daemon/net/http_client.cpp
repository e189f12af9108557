// SPDX-License-Identifier: Apache-2.0
// HttpClient: one curl multi handle whose sockets and timer live in the Asio loop. libcurl is named here only.
#include "daemon/net/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cctype>
#include <new>
#include <string_view>
#include <unordered_map>

#include "common/error.hpp"

namespace tally::net {

namespace asio = boost::asio;

namespace {

struct CurlGlobal {
    CurlGlobal() {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw Error(Fault::internal, "libcurl does not start");
    }
    ~CurlGlobal() { curl_global_cleanup(); }
};

struct HeaderListFree {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, HeaderListFree>;

Response::Failure failure_of(CURLcode code) noexcept {
    switch (code) {
        case CURLE_OK:
            return Response::Failure::none;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
            return Response::Failure::resolve;
        case CURLE_COULDNT_CONNECT:
            return Response::Failure::connect;
        case CURLE_OPERATION_TIMEDOUT:
            return Response::Failure::timeout;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_CERTPROBLEM:
            return Response::Failure::tls;
        case CURLE_PARTIAL_FILE:
        case CURLE_GOT_NOTHING:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
            return Response::Failure::cut;
        default:
            return Response::Failure::other;
    }
}

constexpr std::size_t kHeaderLimit = 64U << 10U;
constexpr long kConnectTimeoutMs = 10'000;
constexpr long kStallSeconds = 15;

/// One request under way. Lives in the coroutine frame of fetch(); its easy handle points back to it.
struct Transfer {
    explicit Transfer(const asio::any_io_executor& executor) : done(executor, asio::steady_timer::time_point::max()) {}

    asio::steady_timer done;  // cancelled on completion: the coroutine resumes through the loop, not inside a curl call
    Response response;
    std::size_t body_limit = 0;
    std::size_t header_bytes = 0;
    bool finished = false;
    bool too_large = false;
    HeaderList headers;
    char error[CURL_ERROR_SIZE] = {};
};

std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* transfer) noexcept {
    auto& self = *static_cast<Transfer*>(transfer);
    const auto bytes = size * count;
    if (self.response.body.size() + bytes > self.body_limit) {
        self.too_large = true;
        return 0;
    }
    try {
        self.response.body.append(data, bytes);
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return bytes;
}

std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* transfer) noexcept {
    auto& self = *static_cast<Transfer*>(transfer);
    const std::string_view line{data, size * count};
    self.header_bytes += line.size();
    if (self.header_bytes > kHeaderLimit) {
        self.too_large = true;
        return 0;
    }
    try {
        if (line.starts_with("HTTP/")) {
            self.response.headers.clear();  // an interim answer came before
        } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
            std::string name{line.substr(0, colon)};
            std::transform(name.begin(), name.end(), name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            auto value = line.substr(colon + 1);
            const auto first = value.find_first_not_of(" \t");
            const auto last = value.find_last_not_of(" \t\r\n");
            value = first == std::string_view::npos ? std::string_view{} : value.substr(first, last - first + 1);
            self.response.headers.emplace_back(std::move(name), std::string{value});
        }
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return line.size();
}

}  // namespace

class HttpClient::Impl {
public:
    Impl(asio::any_io_executor executor, const Settings& settings)
        : executor_(std::move(executor)),
          timer_(executor_),
          user_agent_(settings.user_agent),
          multi_(curl_multi_init()) {
        if (multi_ == nullptr) throw std::bad_alloc();
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
        curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(settings.max_connections));
        curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(settings.max_per_host));
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(settings.max_connections));
    }

    ~Impl() {
        curl_multi_cleanup(multi_);
        for (auto* easy : spare_) curl_easy_cleanup(easy);
    }

    asio::awaitable<Response> fetch(Request request) {
        Transfer transfer{executor_};
        const Handle easy{*this, transfer, request};
        const auto started = std::chrono::steady_clock::now();
        if (const auto code = curl_multi_add_handle(multi_, easy.get()); code != CURLM_OK)
            throw Error(Fault::internal, std::string{"curl: "} + curl_multi_strerror(code));
        while (!transfer.finished) {
            const auto [error] = co_await transfer.done.async_wait(asio::as_tuple(asio::use_awaitable));
            if (!transfer.finished && error) throw boost::system::system_error(error);
        }
        transfer.response.elapsed =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
        co_return std::move(transfer.response);
    }

private:
    /// An easy handle in the multi handle for as long as the coroutine waits; afterwards it is kept for reuse.
    class Handle {
    public:
        Handle(Impl& impl, Transfer& transfer, const Request& request) : impl_(impl), easy_(impl.take_handle()) {
            impl.configure(easy_, transfer, request);
        }
        ~Handle() {
            curl_multi_remove_handle(impl_.multi_, easy_);
            impl_.spare_.push_back(easy_);
        }
        Handle(const Handle&) = delete;
        Handle& operator=(const Handle&) = delete;
        CURL* get() const noexcept { return easy_; }

    private:
        Impl& impl_;
        CURL* easy_;
    };

    struct Socket {
        Socket(const asio::any_io_executor& executor, curl_socket_t fd) : descriptor(executor, fd) {}
        ~Socket() { descriptor.release(); }  // curl owns the descriptor
        asio::posix::stream_descriptor descriptor;
        int wanted = 0;
        bool reading = false, writing = false;
    };

    CURL* take_handle() {
        if (!spare_.empty()) {
            auto* easy = spare_.back();
            spare_.pop_back();
            curl_easy_reset(easy);
            return easy;
        }
        spare_.reserve(spare_.capacity() + 1);  // so that giving it back cannot throw
        auto* easy = curl_easy_init();
        if (easy == nullptr) throw std::bad_alloc();
        return easy;
    }

    void configure(CURL* easy, Transfer& transfer, const Request& request) const {
        transfer.body_limit = request.body_limit;
        for (const auto& [name, value] : request.headers) {
            auto* list = curl_slist_append(transfer.headers.get(), (name + ": " + value.reveal()).c_str());
            if (list == nullptr) throw std::bad_alloc();
            (void)transfer.headers.release();
            transfer.headers.reset(list);
        }
        const auto timeout_ms = static_cast<long>(request.timeout.count());
        curl_easy_setopt(easy, CURLOPT_URL, request.url.reveal().c_str());
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method == "GET" ? nullptr : request.method.c_str());
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
        if (request.method == "POST") {
            const auto& body = request.body.reveal();
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
            curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body.data());
        }
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, std::min(timeout_ms, kConnectTimeoutMs));
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
        curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent_.c_str());
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    }

    static int on_timer(CURLM*, long timeout_ms, void* self) noexcept {
        static_cast<Impl*>(self)->set_timer(timeout_ms);
        return 0;
    }

    static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
        static_cast<Impl*>(self)->watch(fd, what);
        return 0;
    }

    void set_timer(long timeout_ms) {
        if (timeout_ms == 0) return drive_soon();
        timer_.cancel();
        if (timeout_ms < 0) return;
        timer_.expires_after(std::chrono::milliseconds{timeout_ms});
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) drive(CURL_SOCKET_TIMEOUT, 0);
        });
    }

    /// "At once" comes with each request: a turn of the loop, without the system calls of a timer. The timer that was
    /// set before may ring as well; curl then finds nothing to do.
    void drive_soon() {
        if (drives_soon_) return;
        drives_soon_ = true;
        asio::post(executor_, [this, alive = std::weak_ptr(alive_)] {
            if (alive.expired()) return;
            drives_soon_ = false;
            drive(CURL_SOCKET_TIMEOUT, 0);
        });
    }

    void watch(curl_socket_t fd, int what) {
        if (what == CURL_POLL_REMOVE) {
            // Released at once, though a handler may still hold the socket: within the same call of drive() curl may
            // watch this descriptor again, for the next request on a kept connection. Pending waits end with
            // operation_aborted.
            if (const auto found = sockets_.find(fd); found != sockets_.end()) {
                found->second->descriptor.release();
                sockets_.erase(found);
            }
            return;
        }
        auto& socket = sockets_[fd];
        if (!socket) socket = std::make_shared<Socket>(executor_, fd);
        socket->wanted = what;
        arm(fd, socket);
    }

    void arm(curl_socket_t fd, const std::shared_ptr<Socket>& socket) {
        using Descriptor = asio::posix::stream_descriptor;
        const auto wait = [&](Descriptor::wait_type type, bool Socket::*armed, int wanted, int event) {
            if (((*socket).*armed) || (socket->wanted & wanted) == 0) return;
            (*socket).*armed = true;
            socket->descriptor.async_wait(
                type, [this, fd, armed, event, weak = std::weak_ptr(socket)](const boost::system::error_code& error) {
                    const auto alive = weak.lock();
                    if (!alive || error == asio::error::operation_aborted) return;
                    (*alive).*armed = false;
                    drive(fd, error ? CURL_CSELECT_ERR : event);
                    if (const auto now = sockets_.find(fd); now != sockets_.end() && now->second == alive)
                        arm(fd, alive);
                });
        };
        wait(Descriptor::wait_read, &Socket::reading, CURL_POLL_IN, CURL_CSELECT_IN);
        wait(Descriptor::wait_write, &Socket::writing, CURL_POLL_OUT, CURL_CSELECT_OUT);
    }

    void drive(curl_socket_t fd, int events) {
        int running = 0;
        curl_multi_socket_action(multi_, fd, events, &running);
        int queued = 0;
        while (const auto* message = curl_multi_info_read(multi_, &queued)) {
            if (message->msg == CURLMSG_DONE) complete(message->easy_handle, message->data.result);
        }
    }

    static void complete(CURL* easy, CURLcode code) {
        Transfer* transfer = nullptr;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        auto& response = transfer->response;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        response.status = static_cast<int>(status);
        response.failure = transfer->too_large ? Response::Failure::too_large : failure_of(code);
        if (response.failure != Response::Failure::none)
            response.failure_text = transfer->too_large       ? "answer larger than allowed"
                                    : transfer->error[0] != 0 ? transfer->error
                                                              : curl_easy_strerror(code);
        transfer->finished = true;
        transfer->done.cancel();
    }

    CurlGlobal global_;
    asio::any_io_executor executor_;
    asio::steady_timer timer_;
    std::shared_ptr<char> alive_ = std::make_shared<char>();  // posted work may come after us
    bool drives_soon_ = false;
    std::string user_agent_;
    std::unordered_map<curl_socket_t, std::shared_ptr<Socket>> sockets_;
    std::vector<CURL*> spare_;
    CURLM* multi_;  // cleaned up first: it calls back into the members above
};

HttpClient::HttpClient(asio::any_io_executor executor, const Settings& settings)
    : impl_(std::make_unique<Impl>(std::move(executor), settings)) {}

HttpClient::~HttpClient() = default;

asio::awaitable<Response> HttpClient::fetch(Request request) {
    return impl_->fetch(std::move(request));
}

}  // namespace tally::net

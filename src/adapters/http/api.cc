#include "adapters/http/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "adapters/http/accept.h"
#include "adapters/http/hosts.h"
#include "adapters/http/http_wire.h"
#include "adapters/http/page.h"
#include "adapters/http/routes.h"
#include "adapters/http/token.h"
#include "base/text.h"

namespace hunt::http {

namespace {

using boost::asio::awaitable;

bool matches(std::string_view pattern, const std::vector<std::string>& segments) {
  std::size_t index = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, end);
    if (index == segments.size()) return false;
    const bool wildcard = !part.empty() && part.front() == '<';
    if (wildcard ? segments[index].empty() : part != segments[index]) return false;
    ++index;
    pattern.remove_prefix(end);
  }
  return index == segments.size();
}

// Those of its row that are not empty.
std::span<const std::string_view> parameters_of(const Route& route) {
  const auto& all = route.parameters;
  const auto end = std::find(all.begin(), all.end(), std::string_view());
  return {all.begin(), end};
}

// Finds the route of the request; else the response says that there is none.
std::optional<Response> find_route(Call& call, bool process_only) {
  const std::string_view method =
      call.request.method == "HEAD" ? std::string_view("GET") : call.request.method;
  std::string allowed;
  for (const auto& route : routes) {
    if (process_only && route.room != Room::kept) continue;
    if (!matches(route.path, call.target.segments())) continue;
    if (route.method == method) {
      call.route = &route;
      return {};
    }
    allowed += fmt::format("{}{}{}", allowed.empty() ? "" : ", ", route.method,
                           route.method == "GET" ? ", HEAD" : "");
  }
  const std::string path = printable(call.target.path(), 128);
  if (!allowed.empty()) {
    auto refusal = error_response(405, "method_not_allowed",
                                  fmt::format("{} does not take {}; it takes {}", path,
                                              printable(call.request.method), allowed));
    refusal.headers.emplace_back("Allow", allowed);
    return refusal;
  }
  std::vector<std::string_view> known;
  for (const auto& route : routes) {
    if (!process_only || route.room == Room::kept) known.push_back(route.path);
  }
  return error_response(
      404, "not_found",
      fmt::format("there is no route {}{}{}", path, did_you_mean(call.target.path(), known),
                  process_only
                      ? "; a relay answers probes, figures and profiles alone: ask `hunt serve`"
                      : ""));
}

}  // namespace

Admitted::Admitted(std::unique_ptr<Call> of) : call(std::move(of)) {}
Admitted::~Admitted() = default;
Admitted::Admitted(Admitted&&) noexcept = default;

class Api::Impl {
 public:
  Impl(Ports ports, const HttpOptions& options, bool loopback, HttpFigures& figures)
      : options_(options),
        gate_(options.admin_token, options.server_token),
        hosts_(loopback, options.machine_name, options.allowed_hosts),
        trusted_(loopback && options.server_token.empty()),
        figures_(figures),
        context_{ports, figures, ports::WorldDirectory(ports.store), {}} {}

  Admission admit(Request head);
  awaitable<Response> handle(Admitted admitted, std::string body);
  awaitable<StreamAnswer> handle_message(std::string message, FrontTimes front) {
    return answer_message(context_, std::move(message), front);
  }

 private:
  Admission admit_to(std::unique_ptr<Call> call);
  std::optional<Response> refuse_host(const Request& request);
  // Nothing when the caller may use the route.
  std::optional<Response> refuse(const Call& call, Gate::Verdict token);
  // Nothing when a body like this one is taken.
  std::optional<Response> refuse_body(const Call& call) const;

  const HttpOptions& options_;
  Gate gate_;
  Hosts hosts_;
  bool trusted_;
  HttpFigures& figures_;
  Context context_;
};

std::optional<Response> Api::Impl::refuse_host(const Request& request) {
  if (request.host.empty()) return {};  // HTTP/1.0: no browser
  const auto verdict = hosts_.check(request.host);
  if (verdict == Hosts::Verdict::ours) return {};
  figures_.count(Refusal::host);
  const std::string host = printable(request.host, 128);
  if (verdict == Hosts::Verdict::malformed) {
    return error_response(400, "invalid_argument",
                          fmt::format("Host is \"{}\", which is no NAME or NAME:PORT", host));
  }
  return error_response(
      403, "forbidden",
      fmt::format("Host \"{}\" is no name of this server; ask for 127.0.0.1 or localhost, or start "
                  "it with --allow-host and the name",
                  host));
}

std::optional<Response> Api::Impl::refuse(const Call& call, Gate::Verdict token) {
  const Request& request = call.request;
  const Access access = call.route->access;
  if (access == Access::open || token == Gate::Verdict::admin) return {};
  if (access == Access::game && token == Gate::Verdict::game) return {};
  const bool trusted = access == Access::game && trusted_;
  if (trusted && (request.origin.empty() || hosts_.is_own_page(request.origin, request.host))) {
    return {};
  }
  figures_.count(trusted ? Refusal::host : Refusal::token);
  if (trusted) {
    return error_response(403, "forbidden",
                          fmt::format("a page of \"{}\" may not ask here: it was not loaded from "
                                      "Host \"{}\"",
                                      printable(request.origin), printable(request.host)));
  }
  const std::string_view name =
      access == Access::admin ? "the admin token" : "the game servers' token";
  auto response = error_response(
      401, "unauthorized",
      token == Gate::Verdict::missing
          ? fmt::format("this route needs \"Authorization: Bearer <token>\" with {}", name)
          : fmt::format("the token sent is not {}", name));
  // A browser shows the page, which then asks for the token: the page itself holds no data.
  const auto html = acceptance(request.accept, "text/html");
  if (call.target.path() == "/" && html.specificity == 3 && html.quality > 0) {
    response.content_type = "text/html; charset=utf-8";
    response.body = page_html;
  }
  return response;
}

std::optional<Response> Api::Impl::refuse_body(const Call& call) const {
  const Request& request = call.request;
  if (request.body_bytes > options_.body_bytes_max) return body_too_large(options_);
  if (call.route->body == Body::needed && !request.has_length) {
    return error_response(411, "length_required",
                          "send the positions as the body, with Content-Length");
  }
  if (!request.has_body) return {};
  if (call.route->body == Body::refused) {
    return error_response(400, "invalid_argument", "a request for a WebSocket has no body");
  }
  const std::string encoding = printable(request.content_encoding, 64);
  if (encoding.empty() || encoding == "identity") return {};
  auto refusal = error_response(
      415, "unsupported",
      fmt::format("the body is sent as \"{}\" (Content-Encoding); send it as it is", encoding));
  refusal.headers.emplace_back("Accept-Encoding", "identity");
  return refusal;
}

Admission Api::Impl::admit(Request head) {
  if (auto refused = refuse_host(head)) return std::move(*refused);
  auto target = Target::parse(head.target);
  if (!target) return error_response(target.error());
  auto call = std::make_unique<Call>();
  call->request = std::move(head);
  call->target = std::move(*target);
  if (auto refused = find_route(*call, options_.process_only)) return std::move(*refused);
  const RouteGroup group = group_of(call->route->path);
  auto admission = admit_to(std::move(call));
  if (auto* refused = std::get_if<Response>(&admission)) refused->group = group;
  return admission;
}

Admission Api::Impl::admit_to(std::unique_ptr<Call> call) {
  const Route& route = *call->route;
  const auto token = gate_.check(call->request.authorization);
  if (auto refused = refuse(*call, token)) return std::move(*refused);
  if (const auto known = call->target.check_known(parameters_of(route)); !known) {
    return error_response(known.error());
  }
  if (auto refused = refuse_body(*call)) return std::move(*refused);
  Admitted admitted(std::move(call));
  admitted.proven = route.access != Access::open;
  admitted.kept = route.room == Room::kept || token == Gate::Verdict::admin;
  return admitted;
}

awaitable<Response> Api::Impl::handle(Admitted admitted, std::string body) {
  Call& call = *admitted.call;
  call.request.body = std::move(body);
  call.front = admitted.front;
  auto handled = co_await call.route->handler(context_, call);
  Response response = handled ? std::move(*handled) : error_response(handled.error());
  response.group = group_of(call.route->path);
  co_return response;
}

Api::Api(Ports ports, const HttpOptions& options, bool loopback, HttpFigures& figures)
    : impl_(std::make_unique<Impl>(ports, options, loopback, figures)) {}
Api::~Api() = default;

Admission Api::admit(Request head) {
  return impl_->admit(std::move(head));
}

awaitable<Response> Api::handle(Admitted admitted, std::string body) {
  return impl_->handle(std::move(admitted), std::move(body));
}

awaitable<Api::StreamAnswer> Api::handle_message(std::string message, FrontTimes front) {
  return impl_->handle_message(std::move(message), front);
}

}  // namespace hunt::http

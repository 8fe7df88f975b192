// What operators and their tools look at: figures, probes, the shard map, the page.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "adapters/http/metrics_text.h"
#include "adapters/http/page.h"
#include "adapters/http/routes.h"
#include "base/json_string.h"
#include "base/text.h"
#include "codec/json_replies.h"
#include "codec/json_settings.h"
#include "codec/json_why.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

// Each part with what it waits for, where somebody knows of parts.
void append_parts(const std::vector<ports::Monitor::Part>& parts, std::string& body) {
  if (parts.empty()) return;
  body += R"(,"parts":[)";
  for (const auto& part : parts) {
    if (body.back() == '}') body.push_back(',');
    body += R"({"part":)";
    append_json_string(body, part.name);
    body += part.waits_for.empty() ? R"(,"ready":true)" : R"(,"ready":false,"waits_for":)";
    if (!part.waits_for.empty()) append_json_string(body, part.waits_for);
    body.push_back('}');
  }
  body.push_back(']');
}

}  // namespace

awaitable<Result<Response>> get_stats(Context& context, const Call&) {
  std::string body;
  codec::write_stats(context.ports.monitor.stats(), context.ports.monitor.not_ready(), body);
  body.back() = ',';
  append_figures(context.figures, body);
  body.push_back('}');
  co_return json_response(std::move(body));
}

awaitable<Result<Response>> get_live(Context& context, const Call&) {
  co_return written(codec::write_live, context.ports.monitor.live());
}

awaitable<Result<Response>> get_map(Context& context, const Call&) {
  HUNT_CO_TRY(map, co_await context.ports.store.shard_map());
  std::vector<std::uint64_t> epochs;
  for (ports::Ledger* shard : context.ports.ledgers) {
    HUNT_CO_TRY(info, co_await shard->info());
    epochs.push_back(info.epoch);
  }
  co_return written(codec::write_map, map, epochs);
}

awaitable<Result<Response>> get_why(Context& context, const Call& call) {
  codec::WhyQuestion question;
  if (const auto* at = call.target.find("at")) question.at = *at;
  if (const auto* since = call.target.find("since")) question.since = *since;
  HUNT_CO_TRY(answer, codec::answer_why(context.ports.monitor, question));
  co_return json_response(std::move(answer));
}

awaitable<Result<Response>> get_why_evidence(Context& context, const Call&) {
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = context.ports.monitor.why_evidence();
  if (response.body.empty()) co_return fail(Errc::not_found, "this process keeps no timelines");
  co_return response;
}

awaitable<Result<Response>> get_config(Context& context, const Call&) {
  co_return written(codec::write_settings, context.ports.settings);
}

awaitable<Result<Response>> get_livez(Context& context, const Call&) {
  const std::string reason = context.ports.monitor.not_alive();
  if (!reason.empty()) co_return fail(Errc::unavailable, "not alive: " + reason);
  co_return json_response(R"({"alive":true})");
}

awaitable<Result<Response>> get_readyz(Context& context, const Call&) {
  const std::string reason = context.ports.monitor.not_ready();
  const std::string warning = context.ports.monitor.warning();
  Response response = reason.empty()
                          ? json_response(R"({"ready":true})")
                          : error_response({Errc::unavailable, "not ready: " + reason, {}});
  response.body.pop_back();
  if (reason.empty() && !warning.empty()) {
    response.body += R"(,"warning":)";
    append_json_string(response.body, warning);
  }
  append_parts(context.ports.monitor.parts(), response.body);
  response.body.push_back('}');
  co_return response;
}

awaitable<Result<Response>> get_metrics(Context& context, const Call& call) {
  const auto format = metrics_format(call.request.accept);
  if (!format) {
    co_return error_response(
        406, "not_acceptable",
        fmt::format("the figures are text/plain or application/openmetrics-text; Accept is \"{}\"",
                    printable(call.request.accept, 128)));
  }
  Response response;
  response.content_type = content_type(*format);
  const bool ready = context.ports.monitor.not_ready().empty();
  response.body = metrics_text(context.ports.monitor.stats(), context.ports.monitor.why(), ready,
                               context.figures, context.ports.process(), *format);
  co_return response;
}

awaitable<Result<Response>> get_page(Context&, const Call&) {
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body = page_html;
  co_return response;
}

}  // namespace hunt::http

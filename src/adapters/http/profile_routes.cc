// What a pod does with its CPU and its memory, and where its requests wait: profiles for pprof, and
// as pictures.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <string>
#include <string_view>

#include "adapters/http/routes.h"
#include "base/text.h"
#include "codec/flame_svg.h"
#include "codec/folded.h"
#include "codec/pprof.h"
#include "ports/profiler.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

constexpr std::chrono::seconds usual_length{5};

Result<std::chrono::seconds> length_of(const Call& call) {
  const auto* text = call.target.find("seconds");
  if (text == nullptr) return usual_length;
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error == std::errc() && end == text->data() + text->size() && seconds > 0 &&
      seconds <= ports::profile_length_max.count())
    return std::chrono::seconds(seconds);
  return fail(Errc::invalid_argument,
              fmt::format("seconds must be a whole number from 1 to {}, found \"{}\"",
                          ports::profile_length_max.count(), printable(*text, 64)),
              "seconds");
}

Result<model::ProfileKind> kind_of(const Call& call) {
  const auto* text = call.target.find("kind");
  if (text == nullptr) return model::ProfileKind::cpu;
  for (const auto kind :
       {model::ProfileKind::cpu, model::ProfileKind::heap, model::ProfileKind::wall}) {
    if (*text == model::facts_of(kind).name) return kind;
  }
  return fail(Errc::invalid_argument,
              fmt::format("kind must be cpu, heap or wall, found \"{}\"", printable(*text, 64)),
              "kind");
}

awaitable<Result<model::Profile>> profile_of(Context& context, model::ProfileKind kind,
                                             std::chrono::seconds length) {
  if (context.ports.profiler == nullptr) co_return fail(Errc::unsupported, "no profiles here");
  co_return co_await context.ports.profiler->take(kind, length);
}

Response pprof_file(const model::Profile& profile, const char* name) {
  Response response;
  response.content_type = "application/octet-stream";
  response.body = codec::write_packed_pprof(profile);
  response.headers.emplace_back("Content-Disposition",
                                fmt::format("attachment; filename=\"{}.pb.gz\"", name));
  return response;
}

constexpr std::string_view titles[] = {"where the CPU time goes", "who holds the memory",
                                       "where the time of requests goes"};

}  // namespace

awaitable<Result<Response>> get_pprof(Context& context, const Call& call) {
  HUNT_CO_TRY(length, length_of(call));
  HUNT_CO_TRY(profile, co_await profile_of(context, model::ProfileKind::cpu, length));
  co_return pprof_file(profile, "hunt");
}

awaitable<Result<Response>> get_heap(Context& context, const Call&) {
  HUNT_CO_TRY(profile, co_await profile_of(context, model::ProfileKind::heap, usual_length));
  co_return pprof_file(profile, "hunt-heap");
}

awaitable<Result<Response>> get_flame(Context& context, const Call& call) {
  HUNT_CO_TRY(kind, kind_of(call));
  HUNT_CO_TRY(length, length_of(call));
  if (kind == model::ProfileKind::heap && call.target.find("seconds") != nullptr) {
    co_return fail(Errc::invalid_argument,
                   "memory in use is not watched for a while: expected no seconds with kind=heap",
                   "seconds");
  }
  const auto* format = call.target.find("format");
  const bool folded = format != nullptr && *format == "folded";
  if (format != nullptr && !folded && *format != "svg") {
    co_return fail(
        Errc::invalid_argument,
        fmt::format("format must be svg or folded, found \"{}\"", printable(*format, 64)),
        "format");
  }
  HUNT_CO_TRY(profile, co_await profile_of(context, kind, length));
  const std::string title = fmt::format("hunt: {}", titles[static_cast<std::size_t>(kind)]);
  Response response;
  response.content_type = folded ? "text/plain; charset=utf-8" : "image/svg+xml";
  response.body = folded ? codec::write_folded(profile) : codec::write_flame_svg(profile, title);
  co_return response;
}

}  // namespace hunt::http

// What a pod does with its CPU: a profile for pprof, and the same as a picture.
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

awaitable<Result<model::Profile>> profile_of(Context& context, std::chrono::seconds length) {
  if (context.ports.profiler == nullptr) co_return fail(Errc::unsupported, "no profiles here");
  co_return co_await context.ports.profiler->cpu(length);
}

}  // namespace

awaitable<Result<Response>> get_pprof(Context& context, const Call& call) {
  HUNT_CO_TRY(length, length_of(call));
  HUNT_CO_TRY(profile, co_await profile_of(context, length));
  Response response;
  response.content_type = "application/octet-stream";
  response.body = codec::write_packed_pprof(profile);
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"hunt.pb.gz\"");
  co_return response;
}

awaitable<Result<Response>> get_flame(Context& context, const Call& call) {
  HUNT_CO_TRY(length, length_of(call));
  const auto* format = call.target.find("format");
  const bool folded = format != nullptr && *format == "folded";
  if (format != nullptr && !folded && *format != "svg") {
    co_return fail(
        Errc::invalid_argument,
        fmt::format("format must be svg or folded, found \"{}\"", printable(*format, 64)),
        "format");
  }
  HUNT_CO_TRY(profile, co_await profile_of(context, length));
  Response response;
  response.content_type = folded ? "text/plain; charset=utf-8" : "image/svg+xml";
  response.body = folded ? codec::write_folded(profile)
                         : codec::write_flame_svg(profile, "hunt: where the CPU time goes");
  co_return response;
}

}  // namespace hunt::http

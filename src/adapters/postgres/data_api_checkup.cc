#include "adapters/postgres/data_api_checkup.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <optional>
#include <utility>

#include "adapters/postgres/data_api_client.h"
#include "base/text.h"

namespace hunt::postgres {
namespace {

// From five minutes on every request is refused, and clocks that run away do not stop there.
constexpr std::int64_t skew_warning_s = 30;

Result<DataApiAnswer> ask_once(std::shared_ptr<DataApiAccess> access) {
  boost::asio::io_context io(1);
  DataApiClientOptions options;
  options.at_once = 1;
  const auto client =
      std::make_shared<DataApiClient>(io.get_executor(), std::move(access), options);
  data_api::Request request;
  request.sql = "SELECT 1";
  request.sets.resize(1);
  std::optional<Result<DataApiAnswer>> answer;
  const auto done = [&answer](const std::exception_ptr& thrown, Result<DataApiAnswer> result) {
    answer.emplace(thrown ? fail(Errc::internal, "an exception in the client; please report")
                          : std::move(result));
  };
  boost::asio::co_spawn(io, client->ask(data_api::Operation::execute, std::move(request)), done);
  while (!answer) io.run_one();
  client->close();
  io.restart();
  io.run();
  return std::move(*answer);
}

}  // namespace

std::int64_t seconds_of_http_date(const std::string& date) {
  std::tm parts{};
  if (strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return 0;
  return timegm(&parts);
}

Result<void> look_at_access(ports::Findings& findings, const DataApiUrl& url,
                            const ports::Clock& clock) {
  HUNT_TRY(access, DataApiAccess::make(url));
  HUNT_TRY(answer, ask_once(access));
  data_api::Credentials signer;
  (void)access->sign("/", "", signer);
  findings.ok(fmt::format("it answers, and takes the signature of {}", printable(signer.key_id)));
  const std::int64_t theirs_s = seconds_of_http_date(answer.date);
  if (theirs_s == 0) return {};
  const std::int64_t ahead_s = theirs_s - clock.wall_us() / 1'000'000;
  if (std::llabs(ahead_s) < skew_warning_s) {
    findings.ok(fmt::format("its clock is ours, within {} s", std::llabs(ahead_s) + 1));
  } else {
    findings.warning(fmt::format("its clock is {} s {} of ours", std::llabs(ahead_s),
                                 ahead_s > 0 ? "ahead" : "behind"),
                     "set the clocks by NTP: five minutes apart, and it refuses every signature");
  }
  return {};
}

}  // namespace hunt::postgres

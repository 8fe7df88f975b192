// The target that is a running server, asked over HTTP.
#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <chrono>
#include <thread>
#include <utility>

#include "adapters/http/client.h"
#include "base/json_string.h"
#include "base/text.h"
#include "codec/json_replies.h"
#include "codec/json_requests.h"
#include "model/limits.h"
#include "rush/world_target.h"

namespace hunt::rush {
namespace {

namespace json = boost::json;

// A request of 1,000 tiles takes milliseconds; a server under load may take its five seconds.
constexpr std::chrono::milliseconds timeout{30'000};
constexpr auto figures_within = std::chrono::nanoseconds(2 * limits::world_figures_age_ns_max);

model::World world_of(const json::value& value) {
  model::World world;
  world.id = value.at("id").to_number<model::WorldId>();
  world.name = json::value_to<std::string>(value.at("name"));
  return world;
}

// An absent time is unbounded.
std::int64_t time_of(const json::object& object, std::string_view key, std::int64_t unbounded) {
  const json::value* text = object.if_contains({key.data(), key.size()});
  if (text == nullptr) return unbounded;
  return parse_time_us(json::value_to<std::string>(*text)).value_or(unbounded);
}

model::TileRow row_of(const json::value& value) {
  const json::object& object = value.as_object();
  model::TileRow row;
  row.tile = model::tile_id_of(
      {object.at("x").to_number<std::int32_t>(), object.at("y").to_number<std::int32_t>()});
  row.table = json::value_to<std::string>(object.at("table"));
  row.budget = object.at("budget").to_number<std::uint32_t>();
  row.opens_us = time_of(object, "opens", model::time_us_min);
  row.closes_us = time_of(object, "closes", model::time_us_max);
  return row;
}

model::WorldStats stats_of(const json::object& object) {
  const auto number = [&object](const char* key) {
    return object.at(key).to_number<std::uint64_t>();
  };
  model::WorldStats stats;
  stats.tiles = number("tiles");
  stats.open = number("open");
  stats.sold_out = number("sold_out");
  stats.budget = number("budget");
  stats.remaining = number("remaining");
  stats.grants = number("grants");
  if (const json::value* bounds = object.if_contains("bounds")) {
    const auto at = [bounds](std::size_t i) {
      return bounds->as_array().at(i).to_number<std::int32_t>();
    };
    stats.bounds = {{at(0), at(1)}, {at(2), at(3)}};
  }
  if (const auto* age = object.if_contains("age_seconds")) {  // an older server's are of now
    stats.age_ns = static_cast<std::int64_t>(age->to_number<double>() * 1e9);
  }
  return stats;
}

class HttpTarget final : public WorldTarget {
 public:
  HttpTarget(std::string url, std::string token) : url_(std::move(url)), token_(std::move(token)) {}

  Result<std::vector<model::World>> worlds() override {
    return ask("GET", "/v1/worlds", {}, [](const json::value& body) {
      std::vector<model::World> worlds;
      for (const auto& one : body.at("worlds").as_array()) worlds.push_back(world_of(one));
      return worlds;
    });
  }

  Result<model::World> create(model::WorldId id, const std::string& name) override {
    HUNT_CHECK(codec::check_world_name(name));  // it becomes a part of the address
    std::string body = R"({"name":)";
    append_json_string(body, name);
    body += "}";
    return ask("PUT", "/v1/worlds/" + (id != 0 ? std::to_string(id) : name), std::move(body),
               world_of);
  }

  // A server's map was agreed on when it started.
  Result<void> expect(model::WorldId /*world*/, std::vector<model::TileId> /*tiles*/) override {
    return {};
  }

  Result<std::vector<std::uint8_t>> event_seed() override {
    return fail(Errc::unsupported, "a server does not tell its event seed; name its store");
  }

  [[nodiscard]] std::size_t burials_max() const noexcept override {
    return limits::tiles_per_request_max;
  }

  Result<void> bury(model::WorldId world, std::vector<model::Burial> burials,
                    BuryCount& count) override {
    std::string body;
    codec::write_burials(burials, body);
    if (body.size() > limits::body_bytes_max && burials.size() > 1) {
      const auto middle = burials.begin() + static_cast<std::ptrdiff_t>(burials.size() / 2);
      HUNT_CHECK(bury(world, {burials.begin(), middle}, count));
      auto rest = bury(world, {middle, burials.end()}, count);
      if (!rest) move_place(rest.error(), burials.size() / 2);
      return rest;
    }
    const auto read = [](const json::value& reply) {
      return BuryCount{reply.at("buried").to_number<std::uint64_t>(),
                       reply.at("unchanged").to_number<std::uint64_t>()};
    };
    HUNT_TRY(done, ask("PUT", fmt::format("/v1/worlds/{}/tiles", world), std::move(body), read));
    count.buried += done.buried;
    count.unchanged += done.unchanged;
    return {};
  }

  Result<model::TilePage> list(model::WorldId world, model::TileId from) override {
    const std::string target = fmt::format("/v1/worlds/{}/tiles?from={}&limit={}", world,
                                           from.value, limits::tiles_per_page_max);
    return ask("GET", target, {}, [](const json::value& body) {
      model::TilePage page;
      for (const auto& tile : body.at("tiles").as_array()) page.rows.push_back(row_of(tile));
      if (const json::value* next = body.as_object().if_contains("next")) {
        const auto value = parse_u64(json::value_to<std::string>(*next));
        if (!value) throw std::invalid_argument("next is no number");
        page.next = model::TileId{*value};
      }
      return page;
    });
  }

  // A server may keep the figures of a large world for a while: asked until they are of now.
  Result<model::WorldStats> stats(model::WorldId world) override {
    const auto begun = std::chrono::steady_clock::now();
    const auto read = [](const json::value& body) {
      return stats_of(body.at("stats").as_object());
    };
    for (;;) {
      HUNT_TRY(found, ask("GET", fmt::format("/v1/worlds/{}", world), {}, read));
      const auto waited = std::chrono::steady_clock::now() - begun;
      if (std::chrono::nanoseconds(found.age_ns) <= waited || waited > figures_within) return found;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

 private:
  // Sends a request and reads the JSON of its answer with `read`, which may throw.
  template <class Read>
  auto ask(std::string_view method, const std::string& target, std::string body, Read read)
      -> Result<decltype(read(json::value{}))> {
    HUNT_TRY(response, http::http_request(url_, method, target, std::move(body), token_, timeout));
    if (response.status / 100 != 2) {
      Error error = http::error_of(response);
      error.message = fmt::format("{}: {}", url_, error.message);
      if (error.code == Errc::unauthorized) {
        error.message += "; give the admin token with --token or --token-file";
      }
      return tl::unexpected<Error>(std::move(error));
    }
    try {
      return read(json::parse(response.body));
    } catch (const std::exception& error) {
      return fail(Errc::unsupported,
                  fmt::format("{}: {} {} answered something else than expected ({}); is it a hunt "
                              "server of this version?",
                              url_, method, target, error.what()));
    }
  }

  std::string url_;
  std::string token_;
};

}  // namespace

std::unique_ptr<WorldTarget> make_http_target(std::string url, std::string token) {
  return std::make_unique<HttpTarget>(std::move(url), std::move(token));
}

}  // namespace hunt::rush

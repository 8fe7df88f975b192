// The JSON bodies: what is read, what each wrong one is told, and that writing and reading agree.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "base/json_string.h"
#include "base/prng.h"
#include "base/text.h"
#include "codec/json_replies.h"
#include "codec/json_requests.h"
#include "model/limits.h"

namespace hunt::codec {
namespace {

constexpr std::string_view uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

// A body with one position, whose fields are `fields`.
std::string with_fields(std::string_view fields) {
  return fmt::format(R"({{"world":1,"positions":[{{{}}}]}})", fields);
}

std::string good_position() {
  return fmt::format(R"("player":"{}","x":10,"y":-3)", uuid);
}

struct BadBody {
  std::string body;
  std::string field;
  std::string says;  // a part of the message
};

template <class Parse>
void expect_refused(const std::vector<BadBody>& bodies, Parse parse) {
  for (const auto& bad : bodies) {
    const auto result = parse(bad.body);
    ASSERT_FALSE(result.has_value()) << bad.body;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << bad.body;
    EXPECT_EQ(result.error().field, bad.field) << bad.body << " -> " << result.error().message;
    EXPECT_NE(result.error().message.find(bad.says), std::string::npos)
        << bad.body << " -> " << result.error().message;
  }
}

TEST(PositionsReader, reads_the_example_of_the_contract) {
  PositionsReader reader;
  const auto request = reader.parse(fmt::format(
      R"({{"world":1,"positions":[{{"player":"{}","x":10,"y":-3,"kind":"dig"}}]}})", uuid));
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(std::get<model::WorldId>(request->world), 1U);
  EXPECT_EQ(request->batch.world, 1U);
  EXPECT_FALSE(request->wait_terminal);
  ASSERT_EQ(request->batch.positions.size(), 1U);
  const auto& position = request->batch.positions[0];
  EXPECT_EQ(model::format_uuid(position.player), uuid);
  EXPECT_EQ(position.tile, (model::Tile{10, -3}));
  EXPECT_EQ(position.kind, model::Kind::dig);
  EXPECT_FALSE(request->batch.as_of_us.has_value());
}

TEST(PositionsReader, reads_every_optional_field_in_any_order_and_with_escapes) {
  PositionsReader reader;
  const auto request = reader.parse(fmt::format(
      " {{ \"positions\" : [ {{\"sent_at\":\"2026-11-23T18:30:00.5Z\",\"seq\":18446744073709551615,"
      "\"kind\":\"step\",\"y\":2147483647,\"\\u0078\":-2147483648,\"player\":\"{}\"}} ],"
      "\"wait\":\"terminal\",\"world\":\"de\\u006do\" }}\n",
      uuid));
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(std::get<std::string>(request->world), "demo");
  EXPECT_TRUE(request->wait_terminal);
  const auto& position = request->batch.positions.at(0);
  EXPECT_EQ(position.seq, UINT64_MAX);
  EXPECT_EQ(position.sent_at_us, *parse_time_us("2026-11-23T18:30:00.5Z"));
  EXPECT_EQ(position.tile, (model::Tile{INT32_MIN, INT32_MAX}));
}

TEST(PositionsReader, accepts_an_empty_batch_and_the_largest_one) {
  PositionsReader reader;
  const auto empty = reader.parse(R"({"world":1,"positions":[]})");
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(empty->batch.positions.empty());

  const auto entries = [](std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
      list += fmt::format(R"({}{{"player":"{}","x":1,"y":2}})", i == 0 ? "" : ",", uuid);
    }
    return fmt::format(R"({{"world":1,"positions":[{}]}})", list);
  };
  const auto most = reader.parse(entries(limits::batch_positions_max));
  ASSERT_TRUE(most.has_value()) << most.error().message;
  EXPECT_EQ(most->batch.positions.size(), limits::batch_positions_max);

  const auto more = reader.parse(entries(limits::batch_positions_max + 1));
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code, Errc::too_large);
  EXPECT_EQ(more.error().field, "positions");
}

TEST(PositionsReader, refuses_what_is_too_large_before_reading_it) {
  PositionsReader reader;
  const auto large = reader.parse(std::string(limits::body_bytes_max + 1, 'x'));
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, Errc::too_large);
  EXPECT_NE(large.error().message.find("262,145 bytes; at most 262,144"), std::string::npos);

  std::string tiles = R"({"x":1,"y":2})";
  for (std::size_t i = 0; i < limits::tiles_per_request_max; ++i) tiles += R"(,{"x":1,"y":2})";
  const auto too_many = parse_tiles(R"({"tiles":[)" + tiles + "]}");
  ASSERT_FALSE(too_many.has_value());
  EXPECT_EQ(too_many.error().code, Errc::too_large);
  EXPECT_EQ(too_many.error().field, "tiles");
  EXPECT_NE(too_many.error().message.find("more than 1,000"), std::string::npos);
}

TEST(PositionsReader, names_the_field_and_what_was_found) {
  PositionsReader reader;
  const auto position = good_position();
  const auto field = [&](std::string_view name, std::string_view value) {
    std::string fields = fmt::format(R"("player":"{}")", name == "player" ? "" : uuid);
    if (name == "player") fields.clear();
    if (name != "x") fields += fmt::format(R"({}"x":1)", fields.empty() ? "" : ",");
    if (name != "y") fields += R"(,"y":2)";
    return with_fields(fmt::format(R"({},"{}":{})", fields, name, value));
  };
  expect_refused(
      {
          {field("player", "\"steve\""), "positions[0].player", "found the string \"steve\""},
          {field("player", "7"), "positions[0].player",
           "must be a UUID string, found the number 7"},
          {field("player", "null"), "positions[0].player", "found null"},
          {field("x", "10.5"), "positions[0].x", "must be a whole number, found 10.5; floor it"},
          {field("x", "1e3"), "positions[0].x", "floor it first"},
          {field("y", "2147483648"), "positions[0].y", "between -2147483648 and 2147483647"},
          {field("y", "99999999999999999999"), "positions[0].y", "found the number 9999999999"},
          {field("y", "\"3\""), "positions[0].y", "must be a whole number, found the string"},
          {field("y", "[3]"), "positions[0].y", "found an array"},
          {field("y", "true"), "positions[0].y", "found true"},
          {field("kind", "\"digg\""), "positions[0].kind", "must be \"step\" or \"dig\""},
          {field("kind", "{}"), "positions[0].kind", "found an object"},
          {field("seq", "-1"), "positions[0].seq", "must be between 0 and"},
          {field("sent_at", "\"noon\""), "positions[0].sent_at", "must be a time like"},
          {field("sent_at", "12"), "positions[0].sent_at", "found the number 12"},
          {with_fields(R"("x":1,"y":2)"), "positions[0].player", "is missing"},
          {with_fields(position + R"(,"z":3)"), "positions[0].z",
           "is not a known field; known: player"},
          {with_fields(position + R"(,"playr":3)"), "positions[0].playr",
           "did you mean \"player\"?"},
          {with_fields(position + R"(,"x":3)"), "positions[0].x", "is given twice"},
          {R"({"world":1,"positions":[7]})", "positions[0]", "must be an object, found the number"},
          {R"({"world":1,"positions":{}})", "positions", "must be an array"},
          {R"({"world":1})", "positions", "is missing"},
          {R"({"positions":[]})", "world", "is missing"},
          {R"({"world":0,"positions":[]})", "world", "between 1 and 4294967295"},
          {R"({"world":-1,"positions":[]})", "world", "between 1 and"},
          {R"({"world":1.5,"positions":[]})", "world", "whole number"},
          {R"({"world":"","positions":[]})", "world", "must not be empty"},
          {R"({"world":true,"positions":[]})", "world", "a world's id or its name, found true"},
          {R"({"world":1,"positions":[],"wait":"forever"})", "wait", "must be \"terminal\""},
          {R"({"wrld":1,"positions":[]})", "wrld", "did you mean \"world\"?"},
          {R"({"world":1,"world":2,"positions":[]})", "world", "is given twice"},
      },
      [&reader](const std::string& body) { return reader.parse(body); });
}

TEST(PositionsReader, says_where_the_syntax_breaks) {
  PositionsReader reader;
  const std::string deep =
      R"({"world":1,"positions":)" + std::string(40, '[') + std::string(40, ']') + "}";
  expect_refused(
      {
          {"", "", "the body is empty"},
          {" \n\t", "", "the body is empty"},
          {"{", "", "not valid JSON"},
          {"[]", "", "must be a JSON object"},
          {"17", "", "must be a JSON object"},
          {"hello", "", "not valid JSON: syntax error at byte 0"},
          {R"({"world":1,"positions":[}])", "", "at byte 24"},
          {R"({"world":1 "positions":[]})", "", "at byte 11, near \"positions\""},
          {R"({"world":1,"positions":[]} x)", "", "at byte 27"},
          {R"({"world":1,"positions":[]}{})", "", "at byte 26"},
          {R"({"world":1,"positions":[],})", "", "not valid JSON"},
          {R"({"world":01,"positions":[]})", "", "not valid JSON"},
          {with_fields(R"("player":"x","x":NaN,"y":1)"), "", "not valid JSON"},
          {with_fields(R"("x":1,"y":tru)"), "", "not valid JSON"},
          {R"({"world":"a)", "", "not valid JSON"},
          {"{\"world\":\"a\nb\",\"positions\":[]}", "", "not valid JSON"},
          {"{\"world\":\"\xff\",\"positions\":[]}", "", "not valid UTF-8"},
          {"{\"world\":\"\xc0\x80\",\"positions\":[]}", "", "not valid UTF-8"},
          {deep, "", "nested deeper than 16 levels"},
      },
      [&reader](const std::string& body) { return reader.parse(body); });
}

TEST(PositionsReader, is_as_good_as_new_after_an_error) {
  PositionsReader reader;
  EXPECT_FALSE(reader.parse("{\"world\":").has_value());
  EXPECT_FALSE(reader.parse(with_fields("\"x\":1.5")).has_value());
  EXPECT_TRUE(reader.parse(with_fields(good_position())).has_value());
}

TEST(PositionsReader, reads_back_what_is_written_for_any_seed) {
  Prng prng(11);
  PositionsReader reader;
  for (int round = 0; round < 200; ++round) {
    model::Batch batch;
    batch.world = static_cast<model::WorldId>(prng.next() | 1);
    const auto count = prng.next() % 50;
    for (std::uint64_t i = 0; i < count; ++i) {
      model::Position position;
      position.player = {prng.next(), prng.next()};
      position.tile = {static_cast<std::int32_t>(prng.next()),
                       static_cast<std::int32_t>(prng.next())};
      position.kind = prng.next() % 2 == 0 ? model::Kind::dig : model::Kind::step;
      position.seq = prng.next() % 3 == 0 ? 0 : prng.next();
      position.sent_at_us = prng.next() % 3 == 0
                                ? 0
                                : static_cast<std::int64_t>(prng.next() % 4'000'000'000'000'000ULL);
      batch.positions.push_back(position);
    }
    std::string text;
    write_positions(batch, text);
    const auto back = reader.parse(text);
    ASSERT_TRUE(back.has_value()) << back.error().message << text;
    ASSERT_EQ(back->batch.world, batch.world);
    ASSERT_EQ(back->batch.positions.size(), batch.positions.size());
    for (std::size_t i = 0; i < batch.positions.size(); ++i) {
      const auto& want = batch.positions[i];
      const auto& got = back->batch.positions[i];
      ASSERT_EQ(got.player, want.player);
      ASSERT_EQ(got.tile, want.tile);
      ASSERT_EQ(got.kind, want.kind);
      ASSERT_EQ(got.seq, want.seq);
      ASSERT_EQ(got.sent_at_us, want.sent_at_us) << text;
    }
  }
}

// The reader has its own way of reading UUIDs, eight digits at once.
TEST(PositionsReader, takes_as_a_uuid_what_the_model_takes_for_any_byte_in_any_place) {
  PositionsReader reader;
  for (std::size_t at = 0; at < uuid.size(); ++at) {
    for (int byte = 0x20; byte < 0x7f; ++byte) {
      if (byte == '"' || byte == '\\') continue;
      std::string text(uuid);
      text[at] = static_cast<char>(byte);
      const auto want = model::parse_uuid(text);
      const auto request =
          reader.parse(with_fields(fmt::format(R"("player":"{}","x":1,"y":2)", text)));
      ASSERT_EQ(request.has_value(), want.has_value()) << text;
      if (want) {
        ASSERT_EQ(request->batch.positions[0].player, *want);
      }
    }
  }
  const auto escaped = reader.parse(
      with_fields(R"("x":1,"y":2,"player":"0f8fad5b\u002Dd9cb-469f-a165-70867728950\u0065")"));
  ASSERT_TRUE(escaped.has_value()) << escaped.error().message;
  EXPECT_EQ(model::format_uuid(escaped->batch.positions[0].player), uuid);
}

// Breaks a good body at random: the reader answers or refuses, and says so in printable ASCII.
TEST(PositionsReader, survives_random_mutation_for_any_seed) {
  Prng prng(23);
  PositionsReader reader;
  const std::string good =
      with_fields(good_position() + R"(,"kind":"dig","seq":4,"sent_at":"2026-11-23")");
  constexpr std::string_view likely = "{}[]\",:0123456789.eE-\\u x\n\t\xff\xc3";
  for (int round = 0; round < 50'000; ++round) {
    std::string body = good;
    const auto edits = 1 + prng.next() % 4;
    for (std::uint64_t i = 0; i < edits && !body.empty(); ++i) {
      const auto at = static_cast<std::size_t>(prng.next() % body.size());
      switch (prng.next() % 4) {
        case 0:
          body[at] = likely[prng.next() % likely.size()];
          break;
        case 1:
          body.erase(at, 1 + prng.next() % 8);
          break;
        case 2:
          body.insert(at, body.substr(prng.next() % body.size(), prng.next() % 20));
          break;
        default:
          body.resize(at);
      }
    }
    const auto result = reader.parse(body);
    if (result) {
      std::string text;
      write_positions(result->batch, text);
    } else {
      ASSERT_FALSE(result.error().message.empty());
      ASSERT_NE(result.error().code, Errc::corrupt) << body;
      for (const char c : result.error().message) ASSERT_TRUE(c >= 0x20 && c < 0x7f) << body;
    }
  }
}

TEST(Burials, are_read_with_their_defaults_and_every_field) {
  const auto burials = parse_burials(
      R"({"tiles":[{"x":1,"y":-2,"table":"starlight"},{"x":3,"y":4,"table":"t","budget":3,)"
      R"("key":"a b","opens":"2026-11-23T18:00:00Z","closes":"2026-11-23T19:00:00+00:30"}]})");
  ASSERT_TRUE(burials.has_value()) << burials.error().message;
  ASSERT_EQ(burials->size(), 2U);
  EXPECT_EQ(burials->at(0).budget, 1U);
  EXPECT_EQ(burials->at(0).opens_us, model::time_us_min);
  EXPECT_EQ(burials->at(1).key, "a b");
  EXPECT_EQ(burials->at(1).closes_us - burials->at(1).opens_us, 1'800'000'000);
}

TEST(Burials, are_refused_with_the_field) {
  const auto tile = [](std::string_view more) {
    return fmt::format(R"({{"tiles":[{{"x":1,"y":2,"table":"t"}},{{"x":1,"y":2{}}}]}})", more);
  };
  expect_refused(
      {
          {tile(""), "tiles[1].table", "is missing"},
          {tile(R"(,"table":"")"), "tiles[1].table", "must not be empty"},
          {tile(R"(,"table":")" + std::string(65, 'a') + "\""), "tiles[1].table", "at most 64"},
          {tile(R"(,"table":"t\u001b[2J")"), "tiles[1].table",
           "no control characters, found \"t\\x1b[2J\""},
          {tile(R"(,"table":"t","key":"a\u0000b")"), "tiles[1].key",
           "no control characters, found \"a\\x00b\""},
          {tile(R"(,"table":"t","key":"\u007f")"), "tiles[1].key", "no control characters"},
          {tile(R"(,"table":"t","budget":0)"), "tiles[1].budget", "between 1 and 1000000"},
          {tile(R"(,"table":"t","budget":1000001)"), "tiles[1].budget", "between 1 and 1000000"},
          {tile(R"(,"table":"t","budgt":1)"), "tiles[1].budgt", "did you mean \"budget\"?"},
          {tile(R"(,"table":"t","opens":"soon")"), "tiles[1].opens", "must be a time like"},
          {tile(R"(,"table":"t","opens":"2026-02-30")"), "tiles[1].opens", "must be a time"},
          {tile(R"(,"table":"t","opens":"2026-02-02","closes":"2026-02-02")"), "tiles[1].closes",
           "must be later than opens"},
          {R"({"tiles":[{"x":1}]})", "tiles[0].y", "is missing"},
          {R"({})", "tiles", "is missing"},
      },
      [](const std::string& body) { return parse_burials(body); });
}

TEST(Burials, read_back_what_is_written) {
  model::Burial burial;
  burial.tile = {-5, 6};
  burial.table = "st\"ar\\light";
  burial.budget = 9;
  burial.key = "sch\xc3\xb6n";
  burial.opens_us = *parse_time_us("2026-11-23T18:30:00.000001Z");
  std::string text;
  write_burials({burial}, text);
  const auto back = parse_burials(text);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->at(0).table, burial.table);
  EXPECT_EQ(back->at(0).key, burial.key);
  EXPECT_EQ(back->at(0).opens_us, burial.opens_us);
  EXPECT_EQ(back->at(0).closes_us, model::time_us_max);
}

TEST(WorldName, is_plain_and_no_number) {
  EXPECT_EQ(parse_world_name(R"({"name":"north-1"})").value(), "north-1");
  expect_refused(
      {
          {R"({"name":"12"})", "name", "not digits alone"},
          {R"({"name":""})", "name", "1 to 64"},
          {R"({"name":"a b"})", "name", "found \"a b\""},
          {R"({"name":7})", "name", "must be a string"},
          {R"({"nam":"x"})", "nam", "did you mean \"name\"?"},
      },
      [](const std::string& body) { return parse_world_name(body); });
}

TEST(Reply, has_the_fields_of_the_contract) {
  model::Batch batch;
  model::BatchReply reply;
  const auto player = *model::parse_uuid(uuid);
  for (std::int32_t x = 0; x < 5; ++x) {
    model::Position position;
    position.player = player;
    position.tile = {x, -x};
    batch.positions.push_back(position);
  }
  reply.outcomes = {{model::Outcome::nothing, 0, -1},
                    {model::Outcome::hint, 8, -1},
                    {model::Outcome::granted, 0, 0},
                    {model::Outcome::busy, 0, -1},
                    {model::Outcome::found, 0, 1}};
  reply.claims = {{{1, 2}, "star \"dust\"", true}, {{3, 4}, "", false}};
  std::string out;
  write_reply(batch, reply, out);
  const std::string start = fmt::format(R"({{"player":"{}",)", uuid);
  EXPECT_EQ(out, R"({"outcomes":[)" + start + R"("x":0,"y":0,"outcome":"nothing"},)" + start +
                     R"("x":1,"y":-1,"outcome":"hint","distance":8},)" + start +
                     R"("x":2,"y":-2,"outcome":"granted",)"
                     R"("claim":"00000000000000010000000000000002","item":"star \"dust\"",)"
                     R"("items":[{"item":"star \"dust\"","count":1}],)"
                     R"("repeat":true},)" +
                     start + R"("x":3,"y":-3,"outcome":"busy","retry_after_ms":250},)" + start +
                     R"("x":4,"y":-4,"outcome":"found",)"
                     R"("claim":"00000000000000030000000000000004"}]})");
}

TEST(Reply, escapes_what_json_must_escape) {
  std::string out;
  append_json_string(out, "a\"\\\n\x01\xc3\xa9\xff\xed\xa0\x80z");
  EXPECT_EQ(out,
            "\"a\\\"\\\\\\u000a\\u0001\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"");
}

TEST(Reply, writes_large_ids_as_strings) {
  model::Grant grant;
  grant.cursor = UINT64_MAX;
  grant.spawn = (std::uint64_t{63} << 48) | 5;
  grant.tile = model::tile_id_of({7, -8});
  grant.reward = "lamp*3,bell";
  grant.rules = "00112233445566ff";
  grant.at_us = 1'000'000;
  std::string out;
  write_grants({grant}, "9", out);
  EXPECT_EQ(out, R"({"grants":[{"cursor":"18446744073709551615","spawn":"17732923532771333",)"
                 R"("claim":"00000000000000000000000000000000","outcome":"granted",)"
                 R"("items":[{"item":"lamp","count":3},{"item":"bell","count":1}],)"
                 R"("world":0,"x":7,"y":-8,"player":"00000000-0000-0000-0000-000000000000",)"
                 R"("rules":"00112233445566ff","at":"1970-01-01T00:00:01.000000Z"}],"next":"9"})");
}

}  // namespace
}  // namespace hunt::codec

// The ground floor: hashes against published vectors, histogram error, text helpers.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/bounded_queue.h"
#include "base/histogram.h"
#include "base/occupancy.h"
#include "base/prng.h"
#include "base/result.h"
#include "base/sha256.h"
#include "base/text.h"

namespace hunt {
namespace {

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Sha256, matches_fips_180_vectors_when_reused) {
  Sha256 hash;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(to_hex(hash.of(bytes_of("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(hash.of(bytes_of(""))),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }
}

TEST(HmacSha256, matches_rfc_4231_when_reused) {
  const std::string key(20, '\x0b');
  HmacSha256 mac(bytes_of(key));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(to_hex(mac.of(bytes_of("Hi There"))),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  }
}

TEST(Histogram, quantiles_stay_within_one_bucket_for_any_seed) {
  Prng prng(11);
  for (int round = 0; round < 20; ++round) {
    Histogram histogram;
    std::vector<std::int64_t> values;
    for (int i = 0; i < 5'000; ++i) {
      const auto value = static_cast<std::int64_t>(prng.next() >> (28 + prng.below(30)));
      histogram.record(value);
      values.push_back(value);
    }
    std::sort(values.begin(), values.end());
    for (const std::uint32_t q : {5'000U, 9'900U, 9'990U, 10'000U}) {
      const auto exact = values[(values.size() * q + 9'999) / 10'000 - 1];
      const auto told = histogram.quantile_ns(q);
      EXPECT_GE(told, exact);
      EXPECT_LE(told, exact + exact / 32 + 1);
    }
    EXPECT_EQ(histogram.max_ns(), values.back());
    EXPECT_EQ(histogram.count(), values.size());
  }
}

TEST(Occupancy, adds_up_what_is_inside_for_as_long_as_it_is) {
  Occupancy use;
  use.enter(100);
  use.enter(150);
  EXPECT_EQ(use.inside(), 2U);
  EXPECT_EQ(use.total_ns(200), 50 + 2 * 50) << "nobody has left yet";
  use.leave(200);
  EXPECT_EQ(use.total_ns(300), 150 + 100);
  use.set(0, 300);
  EXPECT_EQ(use.total_ns(1'000), 250);
}

TEST(Occupancy, is_averaged_over_ten_seconds) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  RecentOccupancy lately;
  EXPECT_EQ(lately.mean(5, 5), 0);
  for (std::int64_t second = 0; second <= 30; ++second) {
    // One inside for twenty seconds, then four.
    const std::int64_t total =
        std::min<std::int64_t>(second, 20) + 4 * std::max<std::int64_t>(0, second - 20);
    lately.read(total * second_ns, second * second_ns);
    lately.read(total * second_ns, second * second_ns + 1);  // too soon to count
    if (second == 20) {
      EXPECT_DOUBLE_EQ(lately.mean(20 * second_ns, 20 * second_ns), 1);
    }
  }
  EXPECT_DOUBLE_EQ(lately.mean(60 * second_ns, 30 * second_ns), 4);
}

TEST(Histogram, clamps_what_is_over_its_range_and_merges) {
  Histogram a;
  Histogram b;
  a.record(-5);
  b.record(Histogram::value_ns_max * 4);
  a.merge(b);
  EXPECT_EQ(a.count(), 2U);
  EXPECT_EQ(a.max_ns(), Histogram::value_ns_max * 4);
  EXPECT_EQ(a.quantile_ns(1), 0);
}

TEST(Prng, below_is_in_range_and_repeats_by_seed) {
  Prng a(42);
  Prng b(42);
  for (int i = 0; i < 10'000; ++i) {
    const auto bound = 1 + (a.next() >> (a.next() % 63));
    ASSERT_EQ(bound, 1 + (b.next() >> (b.next() % 63)));
    const auto value = a.below(bound);
    EXPECT_LT(value, bound);
    EXPECT_EQ(value, b.below(bound));
  }
}

TEST(BoundedQueue, full_and_closed_are_normal_answers) {
  BoundedQueue<int> queue(2);
  int one = 1;
  int two = 2;
  int three = 3;
  EXPECT_TRUE(queue.try_push(one));
  EXPECT_TRUE(queue.try_push(two));
  EXPECT_FALSE(queue.try_push(three));
  queue.close();
  std::vector<int> out;
  EXPECT_TRUE(queue.pop_all(out));
  EXPECT_EQ(out, (std::vector<int>{1, 2}));
  EXPECT_FALSE(queue.pop_all(out));
}

TEST(Time, parses_what_it_formats_and_offsets) {
  const auto time = parse_time_us("2026-11-23T18:30:17.123456Z");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(format_time_us(*time), "2026-11-23T18:30:17.123456Z");
  EXPECT_EQ(parse_time_us("2026-11-23T20:30:17.123456+02:00"), time);
  EXPECT_EQ(parse_time_us("1970-01-01"), 0);
  EXPECT_EQ(parse_time_us("1970-01-01T02:00:00+02:00"), 0);
  EXPECT_EQ(parse_time_us("9999-12-31T23:59:59.999999Z"), 253'402'300'799'999'999);
  EXPECT_EQ(format_time_us(253'402'300'799'999'999), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_time_us(253'402'300'800'000'000), "253402300800000000 us since 1970");
  EXPECT_EQ(format_time_us(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_time_us(-62'167'219'200'000'000), "0000-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_time_us(INT64_MIN), "-9223372036854775808 us since 1970");
  for (const auto* bad :
       {"", "tomorrow", "2026-13-01", "2026-02-30", "2026-11-23T25:00:00Z", "2026-11-23T18:30:17",
        "2026-11-23T18:30:17.Z", "2026-11-23T18:30:17+2", "2026-11-23T18:30:17Zz",
        "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"}) {
    EXPECT_FALSE(parse_time_us(bad).has_value()) << bad;
  }
}

TEST(NearestWord, suggests_only_what_is_near) {
  const std::string_view known[] = {"weight", "item", "table"};
  EXPECT_EQ(nearest_word("wieght", known), "weight");
  EXPECT_EQ(did_you_mean("tabel", known), " (did you mean \"table\"?)");
  EXPECT_FALSE(nearest_word("elephant", known).has_value());
}

TEST(Text, numbers_and_printable) {
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(with_commas(12), "12");
  EXPECT_FALSE(parse_u64("-1").has_value());
  EXPECT_FALSE(parse_u64("").has_value());
  EXPECT_EQ(parse_i64("-12"), -12);
  EXPECT_EQ(printable("a\x01z"), "a\\x01z");
}

TEST(Text, takes_percent_escapes_apart_and_says_which_is_none) {
  std::string out = "old";
  EXPECT_EQ(percent_decode("a%40B%3a%00", out), std::string_view::npos);
  EXPECT_EQ(out, std::string("a@B:\0", 5));
  for (const auto* text : {"ab%", "ab%4", "ab%4g", "ab%%40", "ab% 1"}) {
    EXPECT_EQ(percent_decode(text, out), 2U) << text;
  }
}

}  // namespace
}  // namespace hunt

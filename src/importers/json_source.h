// JSON of a source, with where in it each value stands.
//
// For the importers' own .cc files alone: nobody else sees Boost.JSON through it. Pure.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "importers/draft.h"

namespace hunt::importers {

namespace json = boost::json;

// Nothing: it is a problem of the draft.
[[nodiscard]] std::optional<json::value> parse_source(const Source& source, Draft& draft);

[[nodiscard]] const json::value* find(const json::object& object, std::string_view key) noexcept;
// Text; empty where there is none.
[[nodiscard]] std::string text_of(const json::object& object, std::string_view key);

[[nodiscard]] Place below(const Place& place, std::string_view key);
[[nodiscard]] Place below(const Place& place, std::size_t index);

// A number that is whole and at most `max`.
[[nodiscard]] std::optional<std::uint64_t> whole_of(const json::value& value, std::uint64_t max);
// The whole number of a key, `missing` where there is none. Problems: another value.
[[nodiscard]] std::uint64_t whole_at(const json::object& object, std::string_view key,
                                     std::uint64_t max, std::uint64_t missing, Draft& draft,
                                     const Place& place);
// A number from 0 on with its decimals as they are written: 0.1 is 1/10. Nothing: it is none, below
// 0, or has more than nine decimals.
[[nodiscard]] std::optional<Fraction> decimal_of(const json::value& value);
// How a value is shown in a message.
[[nodiscard]] std::string shown(const json::value& value);

}  // namespace hunt::importers

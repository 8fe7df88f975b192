#include "data_api/field.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "data_api/types.h"

namespace hunt::data_api {
namespace {

constexpr std::uint32_t types_of_hints[] = {0,         oid::json, oid::uuid,   oid::timestamp,
                                            oid::date, oid::time, oid::numeric};
constexpr std::string_view names_of_hints[] = {"",     "JSON", "UUID",   "TIMESTAMP",
                                               "DATE", "TIME", "DECIMAL"};

// Whether the text has this form: 9 is a digit, everything else itself; a fraction of up to six
// digits may follow where `fraction`.
bool has_form(std::string_view text, std::string_view form, bool fraction) {
  if (text.size() < form.size()) return false;
  const auto fits = [](char c, char f) { return f == '9' ? c >= '0' && c <= '9' : c == f; };
  if (!std::equal(form.begin(), form.end(), text.begin(),
                  [fits](char f, char c) { return fits(c, f); })) {
    return false;
  }
  text.remove_prefix(form.size());
  if (text.empty()) return true;
  return fraction && text.size() >= 2 && text.size() <= 7 && text.front() == '.' &&
         std::all_of(text.begin() + 1, text.end(), [fits](char c) { return fits(c, '9'); });
}

// What is expected where the text has another form; nothing where it is right.
std::string_view wrong_form(TypeHint hint, std::string_view text) {
  if (hint == TypeHint::date && !has_form(text, "9999-99-99", false)) return "YYYY-MM-DD";
  if (hint == TypeHint::time && !has_form(text, "99:99:99", true)) return "HH:MM:SS[.FFF]";
  if (hint == TypeHint::timestamp && !has_form(text, "9999-99-99 99:99:99", true)) {
    return "YYYY-MM-DD HH:MM:SS[.FFF]";
  }
  return {};
}

std::string shown_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return fmt::format("{}", value);
}

Answer<Bound> bind_text(const Parameter& parameter, const std::string& text) {
  if (text.find('\0') != std::string::npos) {
    return refuse(Failure::database_error,
                  fmt::format("ERROR: invalid byte sequence for encoding \"UTF8\": 0x00 (parameter "
                              "{}); SQLState: 22021",
                              printable(parameter.name)));
  }
  const auto expected = wrong_form(parameter.hint, text);
  if (!expected.empty()) {
    return refuse(Failure::bad_request,
                  fmt::format("parameter {} has the typeHint {} and the value \"{}\"; expected {}",
                              printable(parameter.name),
                              names_of_hints[static_cast<std::size_t>(parameter.hint)],
                              printable(text), expected));
  }
  const std::uint32_t hinted = types_of_hints[static_cast<std::size_t>(parameter.hint)];
  return Bound{hinted == 0 ? oid::text : hinted, false, false, text};
}

Answer<Bound> bind_one(const Parameter& parameter) {
  const auto& value = parameter.value;
  if (const auto* text = std::get_if<std::string>(&value)) return bind_text(parameter, *text);
  const std::uint32_t hinted = types_of_hints[static_cast<std::size_t>(parameter.hint)];
  if (std::holds_alternative<std::monostate>(value)) return Bound{hinted, true, false, {}};
  if (parameter.hint != TypeHint::none) {
    return refuse(Failure::bad_request,
                  fmt::format("parameter {} has the typeHint {}, which takes a stringValue",
                              printable(parameter.name),
                              names_of_hints[static_cast<std::size_t>(parameter.hint)]));
  }
  if (const auto* flag = std::get_if<bool>(&value)) {
    return Bound{oid::boolean, false, false, *flag ? "t" : "f"};
  }
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    return Bound{oid::int8, false, false, std::to_string(*whole)};
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return Bound{oid::float8, false, false, shown_double(*number)};
  }
  return Bound{oid::bytea, false, true, std::get<Blob>(value).bytes};
}

}  // namespace

Answer<std::vector<Bound>> bind(const SqlText& sql, const std::vector<Parameter>& parameters) {
  std::vector<std::optional<Bound>> found(sql.names.size());
  for (const auto& parameter : parameters) {
    const auto at = sql.places.find(parameter.name);
    if (at == sql.places.end()) {
      return refuse(Failure::bad_request,
                    fmt::format("The parameter {} is not in the statement as :{}",
                                printable(parameter.name), printable(parameter.name)));
    }
    auto& slot = found[at->second];
    if (slot) {
      return refuse(Failure::bad_request,
                    fmt::format("The parameter {} is given twice", printable(parameter.name)));
    }
    auto bound = bind_one(parameter);
    if (!bound) return tl::unexpected<Refusal>(std::move(bound.error()));
    slot = std::move(*bound);
  }
  std::vector<Bound> all;
  all.reserve(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) {
      return refuse(Failure::bad_request,
                    fmt::format("Cannot find parameter: {}", printable(sql.names[i])));
    }
    all.push_back(std::move(*found[i]));
  }
  return all;
}

std::size_t settle_types(std::vector<std::vector<Bound>>& sets) {
  if (sets.empty()) return 0;
  for (std::size_t column = 0; column < sets.front().size(); ++column) {
    std::uint32_t type = 0;
    for (const auto& set : sets) {
      if (type == 0) type = set[column].type;
    }
    for (auto& set : sets) {
      if (set[column].type == 0) set[column].type = type;
    }
  }
  std::size_t count = 1;
  for (std::size_t i = 1; i < sets.size(); ++i) {
    const bool same = std::equal(sets[i].begin(), sets[i].end(), sets[i - 1].begin(),
                                 [](const Bound& a, const Bound& b) { return a.type == b.type; });
    if (!same) ++count;
  }
  return count;
}

}  // namespace hunt::data_api

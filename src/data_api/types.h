// Types of PostgreSQL as the Data API tells them: by their OID.
//
// Not types that a database defines itself: those are told as text. Constants; thread: any.
#pragma once
#include <cstdint>
#include <string_view>

namespace hunt::data_api {

namespace oid {
inline constexpr std::uint32_t boolean = 16;
inline constexpr std::uint32_t bytea = 17;
inline constexpr std::uint32_t int8 = 20;
inline constexpr std::uint32_t text = 25;
inline constexpr std::uint32_t json = 114;
inline constexpr std::uint32_t float8 = 701;
inline constexpr std::uint32_t date = 1082;
inline constexpr std::uint32_t time = 1083;
inline constexpr std::uint32_t timestamp = 1114;
inline constexpr std::uint32_t numeric = 1700;
inline constexpr std::uint32_t uuid = 2950;
}  // namespace oid

// Which member of a Field holds a value.
enum class Shape : std::uint8_t { text, boolean, whole, long_whole, number, decimal, blob, zoned };

struct TypeInfo {
  std::uint32_t oid;
  std::uint32_t array_oid;
  std::string_view name;  // as pg_type has it
  int jdbc;               // java.sql.Types
  Shape shape;
  int precision;  // digits, or characters where the type has a length of its own
};

inline constexpr int jdbc_other = 1111;
inline constexpr int jdbc_array = 2003;

// Null: none of the types that every database has.
[[nodiscard]] const TypeInfo* type_of(std::uint32_t oid) noexcept;
// The type of the elements; null: no array, or one of other types.
[[nodiscard]] const TypeInfo* element_of(std::uint32_t oid) noexcept;

}  // namespace hunt::data_api

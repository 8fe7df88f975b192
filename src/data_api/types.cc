#include "data_api/types.h"

#include <algorithm>
#include <array>

namespace hunt::data_api {
namespace {

constexpr std::array types{
    TypeInfo{16, 1000, "bool", -7, Shape::boolean, 1},
    TypeInfo{17, 1001, "bytea", -2, Shape::blob, 2'147'483'647},
    TypeInfo{18, 1002, "char", 1, Shape::text, 1},
    TypeInfo{19, 1003, "name", 12, Shape::text, 63},
    TypeInfo{20, 1016, "int8", -5, Shape::long_whole, 19},
    TypeInfo{21, 1005, "int2", 5, Shape::whole, 5},
    TypeInfo{23, 1007, "int4", 4, Shape::whole, 10},
    TypeInfo{25, 1009, "text", 12, Shape::text, 2'147'483'647},
    TypeInfo{26, 1028, "oid", -5, Shape::long_whole, 10},
    TypeInfo{114, 199, "json", jdbc_other, Shape::text, 2'147'483'647},
    TypeInfo{142, 143, "xml", 2009, Shape::text, 2'147'483'647},
    TypeInfo{700, 1021, "float4", 7, Shape::number, 8},
    TypeInfo{701, 1022, "float8", 8, Shape::number, 17},
    TypeInfo{790, 791, "money", 8, Shape::text, 2'147'483'647},
    TypeInfo{1042, 1014, "bpchar", 1, Shape::text, 2'147'483'647},
    TypeInfo{1043, 1015, "varchar", 12, Shape::text, 2'147'483'647},
    TypeInfo{1082, 1182, "date", 91, Shape::text, 13},
    TypeInfo{1083, 1183, "time", 92, Shape::text, 15},
    TypeInfo{1114, 1115, "timestamp", 93, Shape::text, 29},
    TypeInfo{1184, 1185, "timestamptz", 93, Shape::zoned, 35},
    TypeInfo{1186, 1187, "interval", jdbc_other, Shape::text, 49},
    TypeInfo{1266, 1270, "timetz", 92, Shape::text, 21},
    TypeInfo{1560, 1561, "bit", -7, Shape::text, 1},
    TypeInfo{1562, 1563, "varbit", jdbc_other, Shape::text, 2'147'483'647},
    TypeInfo{1700, 1231, "numeric", 2, Shape::decimal, 0},
    TypeInfo{2950, 2951, "uuid", jdbc_other, Shape::text, 2'147'483'647},
    TypeInfo{3802, 3807, "jsonb", jdbc_other, Shape::text, 2'147'483'647},
};

}  // namespace

const TypeInfo* type_of(std::uint32_t oid) noexcept {
  const auto found = std::find_if(types.begin(), types.end(),
                                  [oid](const TypeInfo& type) { return type.oid == oid; });
  return found == types.end() ? nullptr : &*found;
}

const TypeInfo* element_of(std::uint32_t oid) noexcept {
  const auto found = std::find_if(types.begin(), types.end(),
                                  [oid](const TypeInfo& type) { return type.array_oid == oid; });
  return found == types.end() ? nullptr : &*found;
}

}  // namespace hunt::data_api

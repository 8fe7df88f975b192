// ResultSet: what a statement came to, as the database's text.
//
// Not yet the Data API's fields (reply.h). A plain value; thread: any.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hunt::data_api {

struct Column {
  std::string name;
  std::uint32_t type = 0;      // OID
  std::int32_t modifier = -1;  // of the type, such as a length; -1: none
  std::uint32_t table = 0;     // OID; 0: computed
  int number = 0;              // within its table
  // Looked up where metadata is asked for.
  std::string type_name;  // of types that are not in types.h
  std::string table_name;
  std::optional<bool> nullable;
  bool auto_increment = false;
};

using Cell = std::optional<std::string>;  // nothing: NULL

struct ResultSet {
  bool has_rows = false;  // of a query; else it is a count
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  std::uint64_t updated = 0;
  bool too_large = false;      // rows were left out: more than a response can have
  bool row_too_large = false;  // the same for one of them
};

}  // namespace hunt::data_api

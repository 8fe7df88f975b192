#include "data_api/array_text.h"

#include <algorithm>

namespace hunt::data_api {

std::optional<std::vector<std::string>> read_array(std::string_view text) {
  if (text.starts_with('[')) text.remove_prefix(std::min(text.find('=') + 1, text.size()));
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return {};
  text = text.substr(1, text.size() - 2);
  std::vector<std::string> elements;
  if (text.empty()) return elements;
  std::string element;
  bool quoted = false;
  std::size_t i = 0;
  for (;; ++i) {
    if (i == text.size() || text[i] == ',') {
      if (!quoted && (element.empty() || element == "NULL")) return {};
      elements.push_back(std::move(element));
      element.clear();
      quoted = false;
      if (i == text.size()) return elements;
    } else if (text[i] == '"') {
      quoted = true;
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
        if (i < text.size()) element.push_back(text[i]);
      }
      if (i >= text.size()) return {};
    } else if (text[i] == '{' || text[i] == '}') {
      return {};
    } else {
      if (text[i] == '\\' && i + 1 < text.size()) ++i;
      element.push_back(text[i]);
    }
  }
}

}  // namespace hunt::data_api

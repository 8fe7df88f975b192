#include "codec/json_settings.h"

#include "base/json_string.h"

namespace hunt::codec {

void write_settings(const model::Settings& settings, std::string& out) {
  out += R"({"command":)";
  append_json_string(out, settings.command);
  out += R"(,"version":)";
  append_json_string(out, settings.version);
  out += R"(,"settings":[)";
  for (const auto& one : settings.all) {
    if (out.back() == '}') out.push_back(',');
    out += R"({"name":)";
    append_json_string(out, one.name);
    out += R"(,"value":)";
    append_json_string(out, one.value);
    out += R"(,"from":)";
    append_json_string(out, one.from);
    out.push_back('}');
  }
  out += "]}";
}

}  // namespace hunt::codec

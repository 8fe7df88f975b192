// What a process was configured with, as JSON: the body of GET /v1/config.
//
// Not read back. Secrets were left out before. Thread: any.
#pragma once
#include <string>

#include "model/setting.h"

namespace hunt::codec {

void write_settings(const model::Settings& settings, std::string& out);

}  // namespace hunt::codec

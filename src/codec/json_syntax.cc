#include "codec/json_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/stream_parser.hpp>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::codec {

std::optional<Error> find_syntax_error(std::string_view body) {
  boost::json::parse_options options;
  options.max_depth = limits::json_depth_max;
  boost::json::stream_parser parser({}, options);
  boost::json::error_code error;
  const std::size_t at = parser.write_some(body.data(), body.size(), error);
  if (!error && at < body.size()) error = boost::json::error::extra_data;
  if (!error) parser.finish(error);
  if (!error) return {};
  if (error == boost::json::error::too_deep) {
    return Error{Errc::invalid_argument,
                 fmt::format("the body is nested deeper than {} levels at byte {}; no request needs"
                             " more than 3",
                             limits::json_depth_max, at),
                 {}};
  }
  const std::string_view rest = body.substr(std::min(at, body.size()), 16);
  return Error{Errc::invalid_argument,
               fmt::format("the body is not valid JSON: {} at byte {}{}{}", error.message(), at,
                           rest.empty() ? "" : ", near ", printable(rest)),
               {}};
}

}  // namespace hunt::codec

#include "base/svg.h"

#include <fmt/format.h>

#include "base/markup.h"

namespace hunt {

std::string svg_text(double x, double y, std::string_view kind, std::string_view anchor,
                     std::string_view content) {
  return fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" class=\"{}\" text-anchor=\"{}\">{}</text>\n",
                     x, y, kind, anchor, escape_markup(content));
}

std::string svg_page(double width, double height, std::string_view style, std::string_view body) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} "
      "{:.0f}\">\n<style>{}{}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
      width, height, svg_text_style, style, body);
}

}  // namespace hunt

#include "rush/report_page.h"

#include <fmt/format.h>

#include "base/markup.h"

namespace hunt::rush {

namespace {

// Colours that people with any colour sight tell apart (Okabe and Ito).
constexpr const char* style = R"(
:root{color-scheme:light dark;--back:#fff;--ink:#1c2330;--soft:#5c6675;--rule:#dfe3e8;
--card:#f6f7f9;--blue:#0072b2;--orange:#e08a00;--red:#d55e00;--sky:#56b4e9;--green:#009e73;
--yellow:#e3c400;--pink:#cc79a7;--grey:#b5bcc6}
@media (prefers-color-scheme:dark){:root{--back:#12161d;--ink:#e6e9ee;--soft:#98a2b1;--rule:#2b3340;
--card:#1a202a;--blue:#4aa3df;--grey:#5a6472}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 16px 48px;max-width:1160px;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:28px 0 8px}
p{margin:6px 0}small,.soft{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:18px 0}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 12px}
.card b{display:block;font-size:1.25rem;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:.85rem}
.warn{border-left:4px solid var(--red);background:var(--card);padding:8px 12px;margin:10px 0}
.why{border-left:4px solid var(--blue);background:var(--card);padding:8px 12px;margin:10px 0}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:20px}
figure{margin:0;min-width:0}svg{width:100%;height:auto;display:block}
svg text{fill:var(--soft);font-size:12.5px}.grid{stroke:var(--rule);stroke-width:1}
.warm{fill:var(--grey);opacity:.22}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.area{opacity:.9}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:.85rem;margin:2px 0 4px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:5px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:3px 14px 3px 0;text-align:left;border-bottom:1px solid var(--rule)}
td.n{text-align:right}
code{background:var(--card);padding:2px 5px;border-radius:4px;overflow-wrap:anywhere}
)";

struct Colour {
  const char* name;
  const char* variable;
};
constexpr Colour colours[] = {{"blue", "--blue"}, {"orange", "--orange"}, {"red", "--red"},
                              {"sky", "--sky"},   {"green", "--green"},   {"yellow", "--yellow"},
                              {"pink", "--pink"}, {"grey", "--grey"}};

std::string colour_style() {
  std::string out;
  for (const auto& [name, variable] : colours) {
    out += fmt::format(
        ".line.{0}{{stroke:var({1})}}.area.{0},circle.{0}{{fill:var({1})}}"
        ".legend i.{0}{{background:var({1})}}\n",
        name, variable);
  }
  return out;
}

}  // namespace

std::string report_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>{}</title>\n<style>{}{}</style></head>\n<body>\n{}</body></html>\n",
      escape_markup(title), style, colour_style(), body);
}

std::string report_card(std::string_view value, std::string_view label) {
  return fmt::format("<div class=\"card\"><b>{}</b><span>{}</span></div>\n", escape_markup(value),
                     escape_markup(label));
}

}  // namespace hunt::rush

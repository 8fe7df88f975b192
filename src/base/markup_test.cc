#include "base/markup.h"

#include <gtest/gtest.h>

namespace hunt {
namespace {

TEST(Markup, nothing_in_a_text_is_a_tag_or_ends_an_attribute) {
  EXPECT_EQ(escape_markup("a <b class=\"x\"> & c"), "a &lt;b class=&quot;x&quot;&gt; &amp; c");
  EXPECT_EQ(escape_markup("line\n\ttab\x01\x1f"
                          "end"),
            "line\n\ttab  end");
  EXPECT_EQ(escape_markup(""), "");
}

}  // namespace
}  // namespace hunt

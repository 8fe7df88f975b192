// The questions for profiles; what a profile is, is adapters/profile's.
#include <gtest/gtest.h>

#include "adapters/http/http_test_support.h"

namespace hunt::http {
namespace {

TEST_F(HttpTest, profiles_are_asked_for_as_they_should_be) {
  run();
  for (const auto* target :
       {"/debug/pprof/profile", "/debug/pprof/heap", "/debug/flame?kind=wall"}) {
    EXPECT_EQ(send("GET", target).status, 401) << target;
    expect_error(send("GET", target, {}, admin), 501, "unsupported", "no profiles here");
  }
  expect_error(send("GET", "/debug/flame?kind=disk", {}, admin), 400, "invalid_argument",
               "cpu, heap or wall", "kind");
  expect_error(send("GET", "/debug/flame?kind=heap&seconds=5", {}, admin), 400, "invalid_argument",
               "no seconds with kind=heap", "seconds");
  expect_error(send("GET", "/debug/flame?seconds=10000", {}, admin), 400, "invalid_argument",
               "from 1 to 60", "seconds");
}

}  // namespace
}  // namespace hunt::http

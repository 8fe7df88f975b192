// Accept: weights, wildcards, and which of the two formats of the figures is wanted.
#include "adapters/http/accept.h"

#include <gtest/gtest.h>

#include "adapters/http/metrics_text.h"

namespace hunt::http {
namespace {

TEST(Accept, is_read_by_the_range_that_names_a_type_most_exactly) {
  EXPECT_EQ(acceptance("", "text/plain").quality, 1'000);
  EXPECT_EQ(acceptance("*/*", "text/plain").quality, 1'000);
  EXPECT_EQ(acceptance("text/*;q=0.3, */*", "text/plain").quality, 300);
  EXPECT_EQ(acceptance("text/plain;q=0, text/*", "text/plain").quality, 0);
  EXPECT_EQ(acceptance("TEXT/Plain ; charset=\"a,b;q=0\" ; Q=0.25", "text/plain").quality, 250);
  EXPECT_EQ(acceptance("text/html", "text/plain").quality, 0);
  EXPECT_EQ(acceptance("text/plain;q=0.125", "text/plain").quality, 125);
  EXPECT_EQ(acceptance("text/plain;q=x", "text/plain").quality, 1'000);
  EXPECT_EQ(acceptance("text/plain;q=0.000", "text/plain").quality, 0);
  EXPECT_EQ(acceptance(",,;;q=", "text/plain").quality, 0);
  EXPECT_EQ(acceptance("application/x;v=1;q=0.2,application/x;v=2;q=0.7", "application/x").quality,
            700);
}

TEST(Accept, decides_the_format_of_the_figures) {
  const auto text = MetricsFormat::prometheus;
  const auto open = MetricsFormat::open_metrics;
  EXPECT_EQ(metrics_format(""), text);
  EXPECT_EQ(metrics_format("*/*"), text);
  EXPECT_EQ(metrics_format("text/plain"), text);
  EXPECT_EQ(metrics_format("application/openmetrics-text"), open);
  EXPECT_EQ(metrics_format("application/openmetrics-text, */*"), open);
  EXPECT_EQ(metrics_format("text/plain;q=0.9,application/openmetrics-text;q=0.1"), text);
  EXPECT_EQ(metrics_format("application/openmetrics-text;q=0,text/plain"), text);
  EXPECT_EQ(metrics_format("application/openmetrics-text;q=0, */*;q=0.1"), text);
  EXPECT_EQ(metrics_format("text/plain;q=0, */*;q=0.1"), open);
  EXPECT_EQ(metrics_format("application/*;q=0.5, text/*;q=0.4"), open);
  EXPECT_EQ(metrics_format("application/openmetrics-text;version=1.0.0;q=0.5,"
                           "application/openmetrics-text;version=0.0.1;q=0.4,"
                           "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            open);
  EXPECT_EQ(metrics_format("application/json"), std::nullopt);
  EXPECT_EQ(metrics_format("text/plain;q=0,application/openmetrics-text;q=0"), std::nullopt);
}

}  // namespace
}  // namespace hunt::http

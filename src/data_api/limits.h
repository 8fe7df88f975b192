// Bounds of the RDS Data API, as the real service has them.
//
// Not those of the gateway's pool (gateway/options.h). Each has its row in docs/DATA_API.md.
#pragma once
#include <chrono>
#include <cstddef>

namespace hunt::data_api {

inline constexpr std::size_t request_bytes_max = 4 * 1'024 * 1'024;
inline constexpr std::size_t response_bytes_max = 1'024 * 1'024;
// Sets of a batch: each is {"generatedFields":[]} and a comma of its answer, in
// {"updateResults":[]}.
inline constexpr std::size_t batch_sets_max = (response_bytes_max - 20 + 1) / (22 + 1);
inline constexpr std::size_t formatted_bytes_max = 10 * 1'024 * 1'024;  // of formattedRecords
inline constexpr std::size_t row_bytes_max = 64 * 1'024;
inline constexpr std::size_t sql_characters_max = 65'536;
inline constexpr std::size_t arn_characters_min = 11;
inline constexpr std::size_t arn_characters_max = 570;
inline constexpr std::size_t database_characters_max = 64;
inline constexpr std::size_t transaction_characters_max = 192;
inline constexpr std::chrono::seconds statement_time_max(45);
inline constexpr std::chrono::minutes transaction_idle_max(3);
inline constexpr std::chrono::hours transaction_time_max(24);
inline constexpr std::chrono::minutes signature_skew_max(5);

}  // namespace hunt::data_api

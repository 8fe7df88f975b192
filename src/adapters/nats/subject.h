// What a message says about itself beside its payload: where it may be answered, and how often and
// when JetStream delivered it.
//
// Not subscriptions. Subjects come from strangers: a wrong one would end our connection, or make us
// do on the server what only we may. Thread: any.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace hunt::nats {

// Whether outcomes may be sent there: a subject without wildcards that is neither the server's own
// ($…) nor one of a hunt (hunt.…, NAME.pos.…).
[[nodiscard]] bool is_reply_subject(std::string_view subject) noexcept;

struct AckSubject {
  std::uint64_t delivered = 0;  // how often, this time included
  std::uint64_t sequence = 0;   // in the stream
  std::int64_t stored_us = 0;   // wall clock of the server
  std::uint64_t pending = 0;    // messages behind it that this consumer has not delivered yet
};

// Reads the subject on which a delivery is acknowledged:
// $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer's sequence>.<time>.<pending>, or the
// longer one with domain and account. Nothing when it is of another stream or consumer.
[[nodiscard]] std::optional<AckSubject> parse_ack_subject(std::string_view subject,
                                                          std::string_view stream,
                                                          std::string_view consumer) noexcept;

}  // namespace hunt::nats

// Bounds of the HTTP server over all connections of a process, and of one stream's feed.
//
// Not those of the hunt (model/limits.h): a change here builds this folder alone.
#pragma once
#include <cstddef>

namespace hunt::limits {

// Each connection is a descriptor, so there are fewer where fewer are allowed; the kept ones are
// for probes and admins.
inline constexpr std::size_t http_connections_max = 4'096;
inline constexpr std::size_t http_connections_kept = 16;
inline constexpr std::size_t http_header_bytes_max = 8 * 1'024;
// Bytes of requests that are not answered yet, streams' messages among them; bytes of answers that
// were not taken yet. Guesses: a tick of a hundred game servers takes 1 MB, and both together leave
// a pod of 512 MiB room.
inline constexpr std::size_t http_bodies_bytes_max = 32 * 1'024 * 1'024;
inline constexpr std::size_t http_answers_bytes_max = 64 * 1'024 * 1'024;
// What the kernel keeps of one connection, each way.
inline constexpr std::size_t http_socket_bytes_max = 256 * 1'024;
// A stream that has so much to send is fed no further grants.
inline constexpr std::size_t stream_feed_bytes_max = 256 * 1'024;
// What is kept for answers to messages that a lane asks the bus for, of all streams that it has
// been lent; a guess: 3,500 messages of one position.
inline constexpr std::size_t lane_answers_bytes_max = 16 * 1'024 * 1'024;

// What is kept free for the answer to a message of that size. A position of 62 bytes is answered by
// 330 at most where rewards are one item, a single one by 2,000 with the longest reward, and short
// messages by an error. What takes more has to find room when it is there.
constexpr std::size_t answer_bytes_kept(std::size_t message_bytes) {
  return 6 * message_bytes + 4'096;
}

}  // namespace hunt::limits

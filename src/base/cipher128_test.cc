#include "base/cipher128.h"

#include <gtest/gtest.h>

namespace hunt {
namespace {

TEST(Cipher128, is_aes_256_of_one_block) {
  // The example of FIPS 197, appendix C.3.
  std::array<std::uint8_t, 32> key{};
  Block128 plain{};
  for (std::size_t i = 0; i < 32; ++i) key[i] = static_cast<std::uint8_t>(i);
  for (std::size_t i = 0; i < 16; ++i) plain[i] = static_cast<std::uint8_t>(i * 0x11);
  Cipher128 cipher(key);
  const Block128 hidden = cipher.hide(plain);
  EXPECT_EQ(hidden, (Block128{0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf, 0xea, 0xfc, 0x49,
                              0x90, 0x4b, 0x49, 0x60, 0x89}));
  EXPECT_EQ(cipher.show(hidden), plain);
  EXPECT_EQ(cipher.hide(plain), hidden);
}

}  // namespace
}  // namespace hunt

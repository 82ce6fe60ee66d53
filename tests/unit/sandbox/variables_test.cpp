#include "sandbox/variables.h"

#include <gtest/gtest.h>

namespace msb::sandbox {
namespace {

TEST(Variables, KeepTheFirstPlaceAndTheLastValue) {
  Variables variables;
  for (const auto& [name, value] : {std::pair("PATH", "/bin"), {"HOME", "/root"}, {"PATH", "/usr/bin"}, {"", "x"}}) {
    variables.put(name, value);
  }
  const std::vector<Variables::Variable> wanted{{"PATH", "/usr/bin"}, {"HOME", "/root"}, {"", "x"}};
  EXPECT_EQ(variables.all(), wanted);
}

TEST(Variables, TakeTimeByTheirNumber) {
  constexpr int kMany = 200'000;  // each with each would be minutes
  Variables variables;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kMany; ++i) variables.put("V" + std::to_string(i), std::to_string(round));
  }
  ASSERT_EQ(variables.all().size(), size_t{kMany});
  EXPECT_EQ(variables.all().back(), Variables::Variable("V199999", "1"));
}

}  // namespace
}  // namespace msb::sandbox

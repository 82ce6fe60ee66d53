#pragma once

#include <string>

#include <gtest/gtest.h>

#include "base/result.h"

namespace msb::test {

template <typename T>
testing::AssertionResult is_ok(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message();
}

template <typename T>
testing::AssertionResult fails_with(const Result<T>& result, Status status) {
  if (!result && result.error().status() == status) return testing::AssertionSuccess();
  return testing::AssertionFailure() << (result ? "it succeeded" : result.error().message());
}

}  // namespace msb::test

/// EXPECT_OK(f()), ASSERT_OK(f()): show the error's message when f() fails.
#define EXPECT_OK(...) EXPECT_TRUE(::msb::test::is_ok(__VA_ARGS__))
#define ASSERT_OK(...) ASSERT_TRUE(::msb::test::is_ok(__VA_ARGS__))
#define EXPECT_STATUS(status, ...) EXPECT_TRUE(::msb::test::fails_with(__VA_ARGS__, status))
#define ASSERT_STATUS(status, ...) ASSERT_TRUE(::msb::test::fails_with(__VA_ARGS__, status))

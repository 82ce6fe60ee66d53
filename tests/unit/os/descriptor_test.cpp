#include "os/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "os/file.h"

namespace msb::os {
namespace {

class DescriptorTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  void TearDown() override {
    close_end(0);
    close_end(1);
  }
  void close_end(int end) {
    if (ends_[end] >= 0) ::close(std::exchange(ends_[end], -1));
  }

  int ends_[2] = {-1, -1};
};

TEST_F(DescriptorTest, CarriesMoreThanThePipeHolds) {
  const std::string sent(1 << 20, 'x');
  std::thread writer([&] {
    const Call call;
    DescriptorSink sink(ends_[1], "pipe", call);
    EXPECT_TRUE(sink.write(as_bytes(sent)).ok());
    close_end(1);
  });
  const Call call;
  DescriptorSource source(ends_[0], "pipe", call);
  std::string received(sent.size() + 1, '\0');
  const auto n = read_full(source, std::as_writable_bytes(std::span(received)));
  writer.join();
  ASSERT_TRUE(n.ok());
  EXPECT_EQ(received.substr(0, *n), sent);
}

TEST_F(DescriptorTest, WaitingForInputEndsWithTheCall) {
  const Call call(nullptr, Call::Clock::now() + std::chrono::milliseconds(20), nullptr, {});
  DescriptorSource source(ends_[0], "pipe", call);
  std::byte byte;
  EXPECT_EQ(source.read(MutableBytes(&byte, 1)).error().status(), Status::deadline_exceeded);
}

TEST_F(DescriptorTest, WaitingForAReaderEndsWithTheCall) {
  const Call call(nullptr, Call::Clock::now() + std::chrono::milliseconds(20), nullptr, {});
  DescriptorSink sink(ends_[1], "pipe", call);
  const std::string much(1 << 20, 'x');
  EXPECT_EQ(sink.write(as_bytes(much)).error().status(), Status::deadline_exceeded);
}

/// What the kernel does with a SIGPIPE that nobody expects is to end the process, and with it the test.
TEST_F(DescriptorTest, AReaderThatHasLeftIsAFailureAndNoSignal) {
  struct sigaction before {};
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  ASSERT_EQ(::sigaction(SIGPIPE, &plain, &before), 0);
  close_end(0);
  const Call call;
  DescriptorSink sink(ends_[1], "pipe", call);
  const auto done = sink.write(as_bytes("text"));
  sigset_t pending;
  sigset_t blocked;
  ::sigpending(&pending);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  ::sigaction(SIGPIPE, &before, nullptr);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().os_code(), EPIPE);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0) << "nothing is left for the caller";
  EXPECT_EQ(sigismember(&blocked, SIGPIPE), 0);
}

TEST_F(DescriptorTest, ASigpipeOfTheCallerStaysDue) {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigset_t before;
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &pipe, &before), 0);
  ASSERT_EQ(::raise(SIGPIPE), 0);
  close_end(0);
  const Call call;
  DescriptorSink sink(ends_[1], "pipe", call);
  EXPECT_FALSE(sink.write(as_bytes("text")).ok());
  const timespec now{};
  EXPECT_EQ(::sigtimedwait(&pipe, nullptr, &now), SIGPIPE);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(DescriptorTest, NamesWhatCannotBeRead) {
  const Call call;
  const int closed = ends_[0];
  close_end(0);
  DescriptorSource source(closed, "archive", call);
  std::byte byte;
  const auto read = source.read(MutableBytes(&byte, 1));
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(*read.error().fact("path"), "archive");
}

TEST(FileSourceTest, SkipsNoFurtherThanTheFileGoes) {
  auto file = File::temporary(real_fs(), testing::TempDir());
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write_at(as_bytes("0123456789"), 0).ok());
  FileSource source(*file, 2, 100);
  EXPECT_EQ(*source.skip(3), 3U);
  std::byte byte;
  ASSERT_EQ(*source.read(MutableBytes(&byte, 1)), 1U);
  EXPECT_EQ(static_cast<char>(byte), '5');
  EXPECT_EQ(*source.skip(100), 4U);
  EXPECT_EQ(*source.read(MutableBytes(&byte, 1)), 0U);
}

}  // namespace
}  // namespace msb::os

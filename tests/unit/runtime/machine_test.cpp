#include "runtime/machine.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "runtime/monitor.h"
#include "runtime/monitor_process.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::runtime {
namespace {

TEST(Machine, ComesBackFromItsRecords) {
  Machine machine;
  machine.name = "web";
  machine.directory = "/home/web";
  machine.qemu = "/usr/bin/qemu";
  machine.disks = {{"/a,b", "image", false, {"/x", "/y"}}, {"/c d\n", "upper", true, {}}};
  machine.accelerator = Accelerator::kvm;
  machine.memory_mib = 333;
  machine.network = true;
  machine.bound = true;
  machine.stop_limit = std::chrono::seconds(10);
  machine.output_limit = UINT64_MAX;
  const auto bytes = encode_records(to_records(machine));
  ASSERT_OK(bytes);
  const auto records = decode_records(std::string_view(*bytes).substr(4));
  ASSERT_OK(records);
  const auto again = machine_of(*records);
  ASSERT_OK(again);
  EXPECT_EQ(to_records(*again), to_records(machine));
  EXPECT_TRUE(again->disks[1].writable);
  EXPECT_EQ(again->disks[0].rest, (std::vector<std::string>{"/x", "/y"}));
  EXPECT_TRUE(again->bound);
  EXPECT_EQ(again->stop_limit, std::chrono::seconds(10));
  EXPECT_STATUS(Status::invalid_argument, machine_of({{"name", "web"}}));
}

TEST(Machine, RecordsHoldNoNulAndAreBounded) {
  EXPECT_STATUS(Status::invalid_argument, encode_records({{"argument", std::string("a\0b", 3)}}));
  EXPECT_STATUS(Status::invalid_argument, encode_records({{"argument", std::string(kMaxRecords, 'x')}}));
  EXPECT_STATUS(Status::invalid_argument, decode_records("key"));
  EXPECT_STATUS(Status::invalid_argument, decode_records(std::string_view("key\0value", 9)));
  EXPECT_STATUS(Status::invalid_argument, decode_records(std::string_view("\0value\0", 7)));
}

TEST(Machine, OutcomesAreWrittenDown) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir.path() / "runtime");
  EXPECT_FALSE(read_outcome(os::real_fs(), dir.path().string()));
  Outcome outcome;
  outcome.end = End::signalled;
  outcome.number = 9;
  outcome.clean = true;
  outcome.message = "a \"word\"";
  outcome.out_bytes = 12;
  outcome.accelerator = Accelerator::kvm;
  outcome.ready_ms = 3;
  ASSERT_OK(write_outcome(os::real_fs(), dir.path().string(), outcome));
  const auto read = read_outcome(os::real_fs(), dir.path().string());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->end, End::signalled);
  EXPECT_EQ(read->number, 9);
  EXPECT_TRUE(read->clean);
  EXPECT_EQ(read->message, outcome.message);
  EXPECT_EQ(read->out_bytes, 12U);
  EXPECT_EQ(read->accelerator, Accelerator::kvm);
}

TEST(Machine, StatusFollowsFromTheEnd) {
  Outcome outcome;
  EXPECT_EQ(status_after(outcome), sandbox::Status::crashed);
  outcome.end = End::failed;
  EXPECT_EQ(status_after(outcome), sandbox::Status::crashed);
  outcome.clean = true;
  EXPECT_EQ(status_after(outcome), sandbox::Status::stopped);
  outcome.end = End::killed;
  EXPECT_EQ(status_after(outcome), sandbox::Status::stopped);
}

TEST(Machine, FailuresPassAsOneLine) {
  const Error error(Status::exec_failed, "web: two\nlines");
  EXPECT_EQ(failure_line(error), "fail 501 0 web: two lines\n");
}

}  // namespace
}  // namespace msb::runtime

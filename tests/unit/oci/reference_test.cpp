#include "oci/reference.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "support/fixtures.h"
#include "support/result.h"

namespace msb::oci {
namespace {

constexpr std::string_view kDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::string normalized(const std::string& text) {
  const auto reference = Reference::parse(text);
  return reference ? reference->normalized() : reference.error().message();
}

TEST(Reference, IsCompleted) {
  const std::string digest(kDigest);
  EXPECT_EQ(normalized("python"), "docker.io/library/python:latest");
  EXPECT_EQ(normalized("python:3.12"), "docker.io/library/python:3.12");
  EXPECT_EQ(normalized("foo/bar"), "docker.io/foo/bar:latest");
  EXPECT_EQ(normalized("docker.io/python"), "docker.io/library/python:latest");
  EXPECT_EQ(normalized("index.docker.io/python"), "docker.io/library/python:latest");
  EXPECT_EQ(normalized("index.docker.io/a/b"), "docker.io/a/b:latest");
  EXPECT_EQ(normalized("localhost/x"), "localhost/x:latest");
  EXPECT_EQ(normalized("localhost:5000/x:1"), "localhost:5000/x:1");
  EXPECT_EQ(normalized("127.0.0.1:5050/a/b@" + digest), "127.0.0.1:5050/a/b@" + digest);
  EXPECT_EQ(normalized("a:1@" + digest), "docker.io/library/a:1@" + digest);
  EXPECT_EQ(normalized("test.com:5000"), "docker.io/library/test.com:5000");
  EXPECT_EQ(normalized("Foo/bar"), "Foo/bar:latest") << "no repository is in upper case, so that is a host";
  EXPECT_EQ(normalized("[::1]:5000/x"), "[::1]:5000/x:latest");
  EXPECT_EQ(normalized("[2001:db8::1]/team/app:1"), "[2001:db8::1]/team/app:1");
  EXPECT_EQ(normalized("Foo.com/bar"), "Foo.com/bar:latest");
  EXPECT_EQ(normalized("foo_bar/baz"), "docker.io/foo_bar/baz:latest");
  EXPECT_EQ(normalized("a.b__c---d_e/f"), "a.b__c---d_e/f:latest");
}

TEST(Reference, HasParts) {
  const auto reference = Reference::parse("example.com:5000/team/app:v1@" + std::string(kDigest));
  ASSERT_OK(reference);
  EXPECT_EQ(reference->registry(), "example.com:5000");
  EXPECT_EQ(reference->repository(), "team/app");
  EXPECT_EQ(reference->tag(), "v1");
  EXPECT_EQ(reference->digest(), kDigest);
}

TEST(Reference, KeyIsTheSameForEverySpelling) {
  // Names of documents in the golden fixtures f1-kinds and f2-layers.
  EXPECT_EQ(Reference::parse("fixture/kinds:1")->cache_key(),
            "5659598194b7923dbb39c9ffb3dc87cde8b2626df578c67e0eadc453ae4e158e");
  EXPECT_EQ(Reference::parse("registry.example.com:5000/fixture/layers:v2")->cache_key(),
            "507a244c9327c4ab923898fd10cc40efc1eb3813068d6bea31aee49325d4fcdb");
  EXPECT_EQ(Reference::parse("python")->cache_key(), Reference::parse("docker.io/library/python:latest")->cache_key());
}

TEST(Reference, SaysWhatIsWrong) {
  const auto message = [](const std::string& text) { return Reference::parse(text).error().message(); };
  EXPECT_EQ(message(""), "invalid argument: invalid reference '': repository name must have at least one component");
  EXPECT_EQ(message("Alpine"), "invalid argument: invalid reference 'Alpine': repository name must be lower case");
  EXPECT_EQ(message("a b"), "invalid argument: invalid reference 'a b': invalid reference format");
  EXPECT_EQ(message("a:"), "invalid argument: invalid reference 'a:': invalid tag");
  EXPECT_EQ(
      message("a@md5:" + std::string(32, 'a')),
      "invalid argument: invalid reference 'a@md5:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa': unsupported digest algorithm");
  EXPECT_EQ(message("a@sha512:" + std::string(64, 'a')).substr(0, 44), "invalid argument: invalid reference 'a@sha51");
  EXPECT_EQ(*Reference::parse("Alpine").error().fact("name"), "Alpine");
  const std::string bare(64, 'a');
  EXPECT_EQ(message(bare), "invalid argument: invalid reference '" + bare +
                               "': a name may not be 64 hexadecimal digits; write sha256: before a digest");
  EXPECT_EQ(message(bare + ":1").substr(0, 20), "invalid argument: in");
  EXPECT_OK(Reference::parse("a/" + bare));
  for (const char* host : {"[::1/x", "[]/x", "[12]/x", "[::1]5000/x", "[::1]:/x", "[::1%eth0]/x", "::1/x"}) {
    EXPECT_STATUS(Status::invalid_argument, Reference::parse(host)) << host;
  }
}

TEST(Reference, RejectsWhatIsCommitted) {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::tests_path("golden/reject/reference"))) {
    EXPECT_STATUS(Status::invalid_argument, Reference::parse(test::read_file(file.path()))) << file.path();
    ++count;
  }
  EXPECT_GT(count, 30U);
}

}  // namespace
}  // namespace msb::oci

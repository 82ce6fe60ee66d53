// What lies between us and a registry: proxies, HTTP 2, identity tokens; and that secrets stay where they belong.

#include <unistd.h>

#include <sys/wait.h>

#include "pull_home.h"
#include "registry/base64.h"
#include "support/fixtures.h"

namespace msb::test {
namespace {

std::string proxy(const std::string& user = {}) { return "http://" + user + lab().host("FORWARD"); }

/// What the forward proxy was asked since the last time: method, target and both kinds of authorization, as JSON.
std::string forwarded() { return ask_proxy("forwarded/all"); }

void trusting(image::PullRequest& request) {
  request.registry.insecure = false;
  request.registry.settings.ca_files = {lab()["CA"]};
}

// --- proxies ---

TEST(PullProxies, AreThoseOfTheEnvironment) {
  NEEDS_LAB();
  forwarded();
  const std::string reference = lab().behind("close-0-forwarded");
  {
    const Variable variable("http_proxy", proxy());
    EXPECT_OK(PullHome().pull(reference));
  }
  const std::string asked = forwarded();
  EXPECT_NE(asked.find("\"GET\", \"http://" + lab().host("PROXY") + "/v2/close-0-forwarded/demo/manifests/1\""),
            std::string::npos)
      << asked;
  EXPECT_NE(asked.find("/blobs/"), std::string::npos) << asked;
}

TEST(PullProxies, AreNotAskedForWhatNoProxyNames) {
  NEEDS_LAB();
  forwarded();
  {
    const Variable variable("http_proxy", proxy());
    const Variable exception("no_proxy", "example.com,127.0.0.1");
    EXPECT_OK(PullHome().pull(lab().behind("close-0-direct")));
  }
  EXPECT_EQ(forwarded(), "[]");
}

TEST(PullProxies, SeeNothingOfWhatGoesThroughTls) {
  NEEDS_LAB();
  forwarded();
  {
    const Variable variable("https_proxy", proxy());
    EXPECT_OK(PullHome().pull(lab().host("TLS") + "/demo:1", [](image::PullRequest& request) {
      trusting(request);
      request.registry.credentials = ann();
    }));
  }
  const std::string asked = forwarded();
  EXPECT_NE(asked.find("\"CONNECT\", \"" + lab().host("TLS") + "\", \"\", \"\""), std::string::npos) << asked;
  EXPECT_EQ(asked.find("GET"), std::string::npos) << asked;
}

TEST(PullProxies, GetTheirOwnCredentialsAndShowNobody) {
  NEEDS_LAB();
  forwarded();
  for (const std::string user : {"guest:pa55@", "stranger:pa55@"}) {
    const Variable plain("http_proxy", proxy(user));
    const Variable secure("https_proxy", proxy(user));
    const PullHome home;
    const auto over_http = home.pull(lab().behind("close-0-admitted"));
    const auto over_tls = home.pull(lab().host("TLS") + "/demo:1", trusting);
    if (user.starts_with("guest")) {
      EXPECT_OK(over_http);
      EXPECT_OK(over_tls);
      continue;
    }
    for (const auto* pulled : {&over_http, &over_tls}) {
      ASSERT_STATUS(Status::http, *pulled);
      EXPECT_NE(pulled->error().message().find("407"), std::string::npos) << pulled->error().message();
      EXPECT_EQ(pulled->error().message().find("pa55"), std::string::npos) << pulled->error().message();
    }
  }
  EXPECT_NE(forwarded().find("Basic " + registry::to_base64("guest:pa55")), std::string::npos);
}

TEST(PullProxies, ThatAreNotThereAreAFailure) {
  NEEDS_LAB();
  const Variable variable("http_proxy", "http://127.0.0.1:1");
  EXPECT_STATUS(Status::http, PullHome().pull(lab().behind("close-0-alone")));
}

// --- HTTP 2 ---

TEST(PullHttp2, IsSpokenWhereItIsOffered) {
  NEEDS_LAB();
  if (!lab().has("HTTP2")) GTEST_SKIP() << "nghttpx is missing";
  EXPECT_OK(PullHome().pull(lab().host("HTTP2") + "/demo:1", trusting));
  const std::string log = read_file(lab()["HTTP2_LOG"]);
  EXPECT_NE(log.find("/manifests/1 HTTP/2"), std::string::npos) << log;
  EXPECT_EQ(log.find("HTTP/1"), std::string::npos) << log;
}

// --- identity tokens ---

PullHome::Change identified(const std::string& token) {
  return [token](image::PullRequest& request) {
    request.registry.credentials = registry::Credentials{{}, {}, token};
    request.registry.settings.hosts["localhost:" + lab()["STRANGER"]].insecure = true;
  };
}

TEST(PullIdentity, IsExchangedForTokens) {
  NEEDS_LAB();
  EXPECT_OK(PullHome().pull(lab().behind("token-0-identity"), identified(lab()["IDENTITY"])));
  const auto wrong = PullHome().pull(lab().behind("token-0-nobody"), identified("an0ther-one"));
  ASSERT_STATUS(Status::http, wrong);
  EXPECT_EQ(wrong.error().message().find("an0ther-one"), std::string::npos) << wrong.error().message();
}

TEST(PullIdentity, IsNotSentOnToAnotherHost) {
  NEEDS_LAB();
  const auto pulled = PullHome().pull(lab().behind("tokenaway"), identified(lab()["IDENTITY"]));
  ASSERT_STATUS(Status::http, pulled);
  EXPECT_NE(pulled.error().message().find("to another host"), std::string::npos) << pulled.error().message();
  EXPECT_EQ(ask_proxy("seen/all").find("refresh_token"), std::string::npos);
}

// --- secrets ---

TEST(PullSecrets, AppearInNoLogAndNoMessage) {
  NEEDS_LAB();
  const PullHome home;
  std::mutex mutex;
  std::string said;
  const Log log(
      [&](LogLevel, const char*, const char* message) {
        const std::lock_guard lock(mutex);
        said += std::string(message) + '\n';
      },
      LogLevel::debug);
  const image::Context& own = home.context();
  const image::Context context{.fs = own.fs,
                               .database = own.database,
                               .log = log,
                               .paths = own.paths,
                               .snapshots_dir = own.snapshots_dir,
                               .sandboxes_dir = own.sandboxes_dir,
                               .threads = own.threads};
  const Call call;
  const auto pull = [&](const std::string& reference, const registry::Credentials& credentials) {
    const auto pulled = image::pull(context,
                                    PullHome::request(reference,
                                                      [&](image::PullRequest& request) {
                                                        request.force = true;
                                                        request.registry.credentials = credentials;
                                                        auto& hosts = request.registry.settings.hosts;
                                                        hosts["localhost:" + lab()["STRANGER"]].insecure = true;
                                                      }),
                                    call);
    if (!pulled) said += pulled.error().message() + '\n';
    for (const Error* cause = pulled ? nullptr : pulled.error().cause(); cause != nullptr; cause = cause->cause()) {
      said += cause->message() + '\n';
    }
  };
  const registry::Credentials wrong{"ann", "wr0ng-one", {}};
  for (const registry::Credentials& credentials : {ann(), wrong, registry::Credentials{{}, {}, lab()["IDENTITY"]}}) {
    pull(lab().host("BASIC") + "/demo:1", credentials);
    for (const char* fault : {"token", "tokenaway", "redirect", "status-2-503-s", "status-999999-403-s", "circle"}) {
      pull(lab().behind(fault), credentials);
    }
  }
  EXPECT_NE(said.find("status 403"), std::string::npos) << said;
  for (const std::string& secret :
       {lab()["PASSWORD"], registry::to_base64(lab()["USER"] + ':' + lab()["PASSWORD"]), std::string("wr0ng-one"),
        registry::to_base64("ann:wr0ng-one"), lab()["IDENTITY"], std::string("geheim"), std::string("pa55")}) {
    EXPECT_EQ(said.find(secret), std::string::npos) << secret << " in\n" << said;
  }
}

// --- two processes ---

TEST(PullTogether, TwoProcessesShareTheWork) {
  NEEDS_LAB();
  const PullHome home;
  const std::string reference = lab().behind("slow-0-processes");
  int begun[2];
  ASSERT_EQ(::pipe(begun), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto own = std::make_unique<PullHome>(home);  // as another process sees it
    const Call call(
        nullptr, Call::Clock::time_point::max(),
        [&](const Progress& progress) {
          if (progress.phase == Phase::downloading) (void)!::write(begun[1], "x", 1);
        },
        std::chrono::milliseconds(0));
    const auto pulled = own->pull(reference, call);
    ::_exit(pulled ? static_cast<int>(pulled->layers_fetched) : 99);
  }
  char byte = 0;
  ASSERT_EQ(::read(begun[0], &byte, 1), 1);  // it is at its layers
  const auto pulled = home.pull(reference);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ::close(begun[0]);
  ::close(begun[1]);
  ASSERT_OK(pulled);
  EXPECT_EQ(pulled->layers_fetched + static_cast<unsigned>(WEXITSTATUS(status)), 3U);
  EXPECT_EQ(ask_proxy("requests/slow-0-processes"), "5") << "three layers, and a configuration each";
}

}  // namespace
}  // namespace msb::test

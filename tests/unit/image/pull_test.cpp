// Pulls from a real registry: what is asked for, how we are let in, and who is asked at all.

#include <thread>

#include "digest/sha256.h"
#include "image/query.h"
#include "pull_home.h"
#include "registry/parallel_blob.h"

namespace msb::test {
namespace {

using image::PullPolicy;
using image::PullRequest;

PullHome::Change with_policy(PullPolicy policy) {
  return [policy](PullRequest& request) { request.policy = policy; };
}
std::string demo() { return lab().host("PLAIN") + "/demo:1"; }

TEST(Pull, KeepsTheExactBytes) {
  NEEDS_LAB();
  const PullHome home;
  const auto pulled = home.pull(demo());
  ASSERT_OK(pulled);
  EXPECT_FALSE(pulled->cached);
  EXPECT_EQ(pulled->row.reference, demo());
  EXPECT_EQ(pulled->row.manifest_digest, lab()["DEMO"]);
  EXPECT_EQ(pulled->bytes_fetched, pulled->row.size);
  const auto document = image::find_document(home.context(), demo(), home.call());
  ASSERT_OK(document);
  EXPECT_EQ(Digest::sha256_of(as_bytes(document->raw_manifest)).text(), lab()["DEMO"]);
  EXPECT_EQ(home.leftovers(), std::vector<std::string>());
}

TEST(Pull, ChoosesThePlatformAndPassesOverAttestations) {
  NEEDS_LAB();
  const PullHome home;
  const std::string multi = lab().host("PLAIN") + "/multi:1";
  const auto ours = home.pull(multi);
  ASSERT_OK(ours);
  EXPECT_EQ(ours->row.manifest_digest, lab()["DEMO"]);
  const auto arm = home.pull(multi, [](PullRequest& request) { request.platform = {"linux", "arm64", "v8"}; });
  ASSERT_OK(arm);
  EXPECT_EQ(arm->row.architecture, "arm64");
  EXPECT_EQ(arm->row.layer_count, 1U);
  EXPECT_EQ(arm->layers_present, 1U) << "its only layer is one of the image before";
  const auto none = home.pull(multi, [](PullRequest& request) { request.platform = {"linux", "s390x", ""}; });
  ASSERT_STATUS(Status::image_invalid, none);
  EXPECT_NE(none.error().message().find("it offers linux/arm64/v8, linux/amd64"), std::string::npos)
      << none.error().message();
}

TEST(Pull, FollowsIndexesWithinIndexes) {
  NEEDS_LAB();
  const PullHome home;
  const auto pulled = home.pull(lab().behind("nested", "multi:1"));
  ASSERT_OK(pulled);
  EXPECT_EQ(pulled->row.manifest_digest, lab()["DEMO"]);
}

TEST(Pull, ByDigestOfAManifestOrAnIndex) {
  NEEDS_LAB();
  const PullHome home;
  const auto manifest = home.pull(lab().host("PLAIN") + "/demo@" + lab()["DEMO"]);
  ASSERT_OK(manifest);
  EXPECT_EQ(manifest->row.manifest_digest, lab()["DEMO"]);
  const auto index = home.pull(lab().host("PLAIN") + "/multi@" + lab()["MULTI"]);
  ASSERT_OK(index);
  EXPECT_EQ(index->row.manifest_digest, lab()["DEMO"]);
  const std::string unknown = "sha256:" + std::string(64, '0');
  EXPECT_STATUS(Status::image_not_found, home.pull(lab().host("PLAIN") + "/demo@" + unknown));
}

TEST(Pull, IfMissingAsksNobodyWhenItIsThere) {
  NEEDS_LAB();
  const PullHome home;
  const std::string reference = lab().behind("close-0-asked");
  ASSERT_OK(home.pull(reference));
  // The same address without anybody behind it would do as well, but another name is another reference.
  const auto again = home.pull(reference, [](PullRequest& request) {
    request.registry.insecure = false;  // so that any connection would fail
  });
  ASSERT_OK(again);
  EXPECT_TRUE(again->cached);
  EXPECT_EQ(again->layers_present, 3U);
  EXPECT_EQ(again->bytes_fetched, 0U);
}

TEST(Pull, NeverAsksNobody) {
  NEEDS_LAB();
  const PullHome home;
  const auto missing = home.pull(demo(), with_policy(PullPolicy::never));
  ASSERT_STATUS(Status::image_not_found, missing);
  ASSERT_OK(home.pull(demo()));
  EXPECT_OK(home.pull(demo(), with_policy(PullPolicy::never)));
}

TEST(Pull, AlwaysAsksAndFetchesOnlyWhatIsNew) {
  NEEDS_LAB();
  const PullHome home;
  ASSERT_OK(home.pull(demo()));
  const auto again = home.pull(demo(), with_policy(PullPolicy::always));
  ASSERT_OK(again);
  EXPECT_TRUE(again->cached);
  EXPECT_EQ(again->bytes_fetched, 0U);
  const auto forced = home.pull(demo(), [](PullRequest& request) { request.force = true; });
  ASSERT_OK(forced);
  EXPECT_EQ(forced->layers_fetched, 3U);
}

TEST(Pull, FallsBackOnlyWhenAsked) {
  NEEDS_LAB();
  const PullHome home;
  const std::string reference = lab().behind("status-999999-503-fallback");
  ASSERT_OK(home.pull(demo()));
  ASSERT_STATUS(Status::http, home.pull(reference, with_policy(PullPolicy::always)));
  // What is cached under that name, once it is.
  const std::string then = lab().behind("close-0-then");
  ASSERT_OK(home.pull(then));
  const auto refuse = [](PullRequest& request) {
    request.policy = PullPolicy::always;
    request.registry.insecure = false;
    request.registry.patience.attempts = 1;
  };
  ASSERT_STATUS(Status::http, home.pull(then, refuse));
  const auto fallen = home.pull(then, [&](PullRequest& request) {
    refuse(request);
    request.fall_back = true;
  });
  ASSERT_OK(fallen);
  EXPECT_TRUE(fallen->fell_back);
  EXPECT_EQ(fallen->row.manifest_digest, lab()["DEMO"]);
  ASSERT_FALSE(home.warnings().empty());
  EXPECT_NE(home.warnings().back().find("is taken from the cache as " + lab()["DEMO"]), std::string::npos);
}

TEST(Pull, ACompleteCacheWithoutRowsIsAHit) {
  NEEDS_LAB();
  const PullHome home;
  ASSERT_OK(home.pull(demo()));
  ASSERT_OK(home.context().database.write(
      home.call(), [](index::Transaction& transaction) { return transaction.execute("DELETE FROM image_ref", {}); }));
  const auto again = home.pull(demo(), with_policy(PullPolicy::never));
  ASSERT_OK(again);
  EXPECT_EQ(again->row.manifest_digest, lab()["DEMO"]);
}

TEST(Pull, DamagedLayersAreFetchedAgain) {
  NEEDS_LAB();
  const PullHome home;
  ASSERT_OK(home.pull(demo()));
  for (const std::string& name : home.file_names()) {
    if (name.starts_with("layers/") && name.ends_with(".erofs")) write_text(home.paths().root() + "/" + name, "");
  }
  const auto again = home.pull(demo());
  ASSERT_OK(again);
  EXPECT_EQ(again->layers_fetched, 3U);
}

TEST(Pull, KeepsBlobsOnRequest) {
  NEEDS_LAB();
  const PullHome home;
  const auto keep = [](PullRequest& request) { request.keep = image::Keep::blobs; };
  ASSERT_OK(home.pull(demo(), keep));
  const auto names = home.file_names();
  EXPECT_EQ(std::count_if(names.begin(), names.end(), [](const auto& name) { return name.starts_with("blobs/"); }), 3);
}

TEST(Pull, TwoAtOnceShareTheWork) {
  NEEDS_LAB();
  const PullHome home;
  const PullHome other(home);
  const std::string reference = lab().behind("slow-0-shared");
  Result<image::Pulled> first = Error(Status::internal, "");
  Result<image::Pulled> second = Error(Status::internal, "");
  std::thread thread([&] { first = home.pull(reference); });
  second = other.pull(reference);
  thread.join();
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(first->layers_fetched + second->layers_fetched, 3U);
}

TEST(Pull, ReportsEveryLayerFromTheStart) {
  NEEDS_LAB();
  const PullHome home;
  std::vector<Progress> events;
  const Call call(
      nullptr, Call::Clock::time_point::max(), [&](const Progress& event) { events.push_back(event); },
      std::chrono::milliseconds(0));
  const auto pulled = home.pull(demo(), call);
  ASSERT_OK(pulled);
  ASSERT_GT(events.size(), 5U);
  EXPECT_EQ(events.front().phase, Phase::resolving);
  EXPECT_EQ(events[1].phase, Phase::resolved);
  uint64_t total = 0;
  for (size_t i = 2; i < 5; ++i) {
    EXPECT_EQ(events[i].phase, Phase::downloading);
    EXPECT_TRUE(events[i].total_known);
    total += events[i].total;
  }
  EXPECT_EQ(total, pulled->row.size);
  EXPECT_EQ(events.back().phase, Phase::indexing);
}

// --- several ranges of one blob ---

constexpr uint64_t kSmallPiece = uint64_t{128} << 10;

/// Reads the large layer of the image in pieces and returns its digest.
Result<Digest> read_in_pieces(const std::string& reference, const oci::Descriptor& layer, const Call& call,
                              std::chrono::milliseconds quick = std::chrono::milliseconds(0)) {
  const auto request = PullHome::request(reference);
  const Log log;
  MSB_TRY(const auto parsed, oci::Reference::parse(reference));
  MSB_TRY(const auto registry, registry::Registry::open(parsed, request.registry, log));
  registry::ParallelBlob blob(*registry, layer, call, 0, kSmallPiece, quick);
  return sha256_of(blob, call);
}

oci::Descriptor large_layer() {
  const PullHome home;
  EXPECT_OK(home.pull(demo()));
  const auto document = image::find_document(home.context(), demo(), home.call());
  return oci::parse_manifest(document->raw_manifest)->layers[1];
}

TEST(PullRanges, ComeInOrderWhateverHappens) {
  NEEDS_LAB();
  const oci::Descriptor layer = large_layer();
  for (const std::string& reference :
       {demo(), lab().behind("drop-4-r"), lab().behind("noranges-0-r"), lab().behind("noranges-2-r2"),
        lab().behind("status-5-503-r"), lab().behind("stall-1-r"), lab().behind("close-4-r")}) {
    const auto digest = read_in_pieces(reference, layer, Call());
    ASSERT_OK(digest);
    EXPECT_EQ(*digest, layer.digest) << reference;
  }
}

TEST(PullRanges, OneConnectionDoesWhereItIsQuick) {
  NEEDS_LAB();
  const oci::Descriptor layer = large_layer();
  for (const std::string name : {"close-0-quick", "noranges-0-quick"}) {
    const auto digest = read_in_pieces(lab().behind(name), layer, Call(), std::chrono::hours(1));
    ASSERT_OK(digest);
    EXPECT_EQ(*digest, layer.digest);
  }
  EXPECT_EQ(ask_proxy("requests/close-0-quick"), "2") << "the head, and the rest";
  EXPECT_EQ(ask_proxy("requests/noranges-0-quick"), "1");
}

TEST(PullRanges, FailAndStopLikeOneStream) {
  NEEDS_LAB();
  const oci::Descriptor layer = large_layer();
  EXPECT_STATUS(Status::http, read_in_pieces(lab().behind("status-999999-500-r"), layer, Call()));
  const auto begin = Call::Clock::now();
  const Call call(nullptr, begin + std::chrono::milliseconds(200), {}, std::chrono::milliseconds(50));
  EXPECT_STATUS(Status::deadline_exceeded, read_in_pieces(lab().behind("trickle-0-r"), layer, call));
  EXPECT_LT(Call::Clock::now() - begin, std::chrono::milliseconds(400));
}

// --- being let in ---

TEST(PullAccess, TrustsTheSystemAndNamedAuthoritiesOnly) {
  NEEDS_LAB();
  const PullHome home;
  const std::string reference = lab().host("TLS") + "/demo:1";
  const auto secure = [](PullRequest& request) { request.registry.insecure = false; };
  const auto untrusted = home.pull(reference, secure);
  ASSERT_STATUS(Status::http, untrusted);
  EXPECT_NE(untrusted.error().message().find("not trusted"), std::string::npos) << untrusted.error().message();
  const auto trusting = [](PullRequest& request) {
    request.registry.insecure = false;
    request.registry.settings.ca_files = {lab()["CA"]};
  };
  EXPECT_OK(home.pull(reference, trusting));
  EXPECT_STATUS(Status::http, home.pull(lab().host("STRANGER_TLS") + "/drop/demo:1", trusting));
  write_text(home.path("no.pem"), "nothing");
  EXPECT_STATUS(Status::invalid_config, home.pull("x.example/y", [&](PullRequest& request) {
    request.registry.settings.ca_files = {home.path("no.pem")};
  }));
}

TEST(PullAccess, NothingGoesWithoutTlsUnlessAllowed) {
  NEEDS_LAB();
  const PullHome home;
  EXPECT_STATUS(Status::http, home.pull(demo(), [](PullRequest& request) {
    request.registry.insecure = false;
    request.registry.patience.attempts = 1;
  }));
}

TEST(PullAccess, Basic) {
  NEEDS_LAB();
  const PullHome home;
  const std::string reference = lab().host("BASIC") + "/demo:1";
  EXPECT_STATUS(Status::http, home.pull(reference));
  const auto wrong = home.pull(reference, [](PullRequest& request) {
    request.registry.credentials = registry::Credentials{"ann", "wr0ng-one", {}};
  });
  ASSERT_STATUS(Status::http, wrong);
  EXPECT_EQ(wrong.error().message().find("wr0ng-one"), std::string::npos);
  EXPECT_OK(home.pull(reference, [](PullRequest& request) { request.registry.credentials = ann(); }));
}

TEST(PullAccess, TokensAreRefreshedAndNeverShownToOthers) {
  NEEDS_LAB();
  const PullHome home;
  // Every token is good for two requests, of which there are five.
  EXPECT_OK(home.pull(lab().behind("token"), [](PullRequest& request) { request.registry.credentials = ann(); }));
  const auto wrong = home.pull(lab().behind("token-0-wrong"), [](PullRequest& request) {
    request.registry.credentials = registry::Credentials{"ann", "wr0ng-one", {}};
  });
  ASSERT_STATUS(Status::http, wrong);
  EXPECT_EQ(wrong.error().message().find("wr0ng-one"), std::string::npos);
}

TEST(PullAccess, RedirectsCarryNoCredentials) {
  NEEDS_LAB();
  const PullHome home;
  const auto change = [](PullRequest& request) {
    request.registry.credentials = ann();
    request.registry.settings.hosts["localhost:" + lab()["STRANGER"]].insecure = true;
  };
  ASSERT_OK(home.pull(lab().behind("redirect"), change));
  const std::string seen = ask_proxy("seen/all");
  EXPECT_NE(seen.find("signature=geheim"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("Basic"), std::string::npos);
  EXPECT_EQ(seen.find("Bearer"), std::string::npos);
}

TEST(PullAccess, MirrorsAreAskedFirst) {
  NEEDS_LAB();
  const PullHome home;
  const auto mirrored = [](const std::string& mirror) {
    return [mirror](PullRequest& request) {
      request.registry.settings.hosts[lab().host("PLAIN")].mirrors = {mirror};
      request.registry.settings.hosts[mirror].insecure = true;
    };
  };
  EXPECT_OK(home.pull("nowhere.invalid/demo:1", [&](PullRequest& request) {
    request.registry.settings.hosts["nowhere.invalid"].mirrors = {lab().host("PLAIN")};
    request.registry.settings.hosts[lab().host("PLAIN")].insecure = true;
  }));
  const PullHome fresh;
  EXPECT_OK(fresh.pull(demo(), mirrored("127.0.0.1:1")));
}

}  // namespace
}  // namespace msb::test

#include "digest/sha256.h"

#include <new>
#include <vector>

#include <openssl/evp.h>

namespace msb {
namespace {

// Fetched once: OpenSSL 3 otherwise looks the algorithm up under a lock for every hash.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = [] {
    const EVP_MD* md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return md != nullptr ? md : EVP_sha256();
  }();
  return fetched;
}

// With an algorithm that exists and a live context, memory is all that can lack.
void require(bool done) {
  if (!done) throw std::bad_alloc();
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr && EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) == 1);
}

Sha256::Sha256(const Sha256& other) : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr && EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) == 1);
}

Sha256& Sha256::operator=(const Sha256& other) {
  if (this != &other) *this = Sha256(other);
  return *this;
}

void Sha256::update(Bytes bytes) { require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }

Sha256::Value Sha256::value() const {
  // Finishing spends a context, so a copy is finished.
  const Sha256 spent(*this);
  Value value;
  require(EVP_DigestFinal_ex(spent.context_.get(), reinterpret_cast<unsigned char*>(value.data()), nullptr) == 1);
  return value;
}

Result<Digest> sha256_of(ByteSource& source, const Call& call) {
  Sha256 hash;
  std::vector<std::byte> buffer(size_t{256} << 10);
  while (true) {
    MSB_CHECK(call.check());
    MSB_TRY(const Bytes bytes, source.borrow(buffer));
    if (bytes.empty()) return hash.digest();
    hash.update(bytes);
  }
}

}  // namespace msb

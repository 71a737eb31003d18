// One call of prometheus-cpp: URL TOKEN_FILE (push | add | delete) NAME VALUE GROUPED. Prints what the library tells:
// it returns the status, and curl under it writes the body of the answer.
#include <curl/curl.h>
#include <dlfcn.h>
#include <prometheus/gauge.h>
#include <prometheus/gateway.h>
#include <prometheus/registry.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

// The library has no setting for a CA of one's own, and its curl knows the system's alone: a site puts its CA there. A
// test does not; it stands between the library and curl.
extern "C" CURLcode curl_easy_perform(CURL* curl) {
  if (const char* ca = std::getenv("SSL_CERT_FILE")) curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
  return reinterpret_cast<CURLcode (*)(CURL*)>(dlsym(RTLD_NEXT, "curl_easy_perform"))(curl);
}

int main(int, char** argv) {
  const std::string url = argv[1], verb = argv[3], name = argv[4], grouped = argv[6];
  std::string token;
  std::ifstream(argv[2]) >> token;
  const auto colon = url.rfind(':');
  prometheus::Gateway gateway(url.substr(0, colon), url.substr(colon + 1), "library", {{"grouped", grouped}}, "token",
                              token);
  auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildGauge().Name(name).Help("A gauge.").Register(*registry).Add({}).Set(std::stod(argv[5]));
  gateway.RegisterCollectable(registry);
  // Its Push is a POST and its PushAdd is a PUT: named the other way about than everywhere else.
  const int status = verb == "push"  ? gateway.PushAdd()
                     : verb == "add" ? gateway.Push()
                                     : gateway.DeleteForInstance();
  if (status == 200 || status == 202) return 0;
  std::cerr << "status " << status << "\n";
  return 1;
}

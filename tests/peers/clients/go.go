// One call of client_golang: URL TOKEN_FILE (push | add | delete) NAME VALUE GROUPED. Prints what the library tells. An
// empty TOKEN_FILE sends no token; CERT and KEY, where set, are files of a client certificate.
// FORMAT=text pushes text, else the library's default, which is protobuf; HTTP=1 keeps it from HTTP/2; KIND=native makes
// the value one observation of a native histogram.
package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	"github.com/prometheus/common/expfmt"
)

// How the answer came, so that the test can tell HTTP/1.1 from HTTP/2.
type telling struct{ http.Client }

func (t *telling) Do(request *http.Request) (*http.Response, error) {
	answer, err := t.Client.Do(request)
	if err == nil {
		fmt.Println(answer.Proto)
	}
	return answer, err
}

func main() {
	if err := call(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func call(args []string) error {
	url, tokenFile, verb, name, value, grouped := args[0], args[1], args[2], args[3], args[4], args[5]
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return err
	}
	var collector prometheus.Collector
	if os.Getenv("KIND") == "native" {
		histogram := prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: "A histogram.", NativeHistogramBucketFactor: 1.1,
		})
		histogram.Observe(number)
		collector = histogram
	} else {
		gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "A gauge."})
		gauge.Set(number)
		collector = gauge
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{}
	if os.Getenv("HTTP") == "1" {
		transport.ForceAttemptHTTP2 = false
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	if cert := os.Getenv("CERT"); cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, os.Getenv("KEY"))
		if err != nil {
			return err
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	pusher := push.New(url, "library").Collector(collector).Grouping("grouped", grouped)
	if tokenFile != "" {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			return err
		}
		pusher.BasicAuth("token", strings.TrimSpace(string(token)))
	}
	pusher.Client(&telling{http.Client{Transport: transport}})
	if os.Getenv("FORMAT") == "text" {
		pusher.Format(expfmt.FmtText)
	}
	switch verb {
	case "push":
		return pusher.Push()
	case "add":
		return pusher.Add()
	default:
		return pusher.Delete()
	}
}

// runner takes the jobs of a Gitea or Forgejo server and runs their steps on
// this host, never in a container, with Gitea's workflow engine, act. It
// stands in for the server's own runner in tests: it sends a job's log when
// the job ends, and it can neither cancel a job nor start a service.
//
//	runner -url URL -token REGISTRATION_TOKEN [-labels self-hosted] [-dir DIR]
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"code.gitea.io/actions-proto-go/runner/v1/runnerv1connect"
	"connectrpc.com/connect"
)

const (
	version = "v0.1"
	pause   = 500 * time.Millisecond // between two questions for a task
)

type client = runnerv1connect.RunnerServiceClient

func main() {
	url := flag.String("url", "", "the server's address")
	token := flag.String("token", "", "a runner registration token")
	labels := flag.String("labels", "self-hosted", "labels, comma separated (bare names: no :host)")
	dir := flag.String("dir", "runner-work", "a folder for work trees")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	folder, err := filepath.Abs(*dir)
	if err != nil {
		log.Fatal(err)
	}
	server, err := register(ctx, *url, *token, strings.Split(*labels, ","))
	if err != nil {
		log.Fatal("register: ", err)
	}
	serve(ctx, server, strings.TrimRight(*url, "/"), folder)
}

// register makes this runner known to the server; the client that it returns
// signs every request with the runner's own identity.
func register(ctx context.Context, url, token string, labels []string) (client, error) {
	var identity *runnerv1.Runner
	sign := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			if identity != nil {
				req.Header().Set("x-runner-uuid", identity.Uuid)
				req.Header().Set("x-runner-token", identity.Token)
			}
			return next(ctx, req)
		}
	})
	direct := &http.Client{Transport: &http.Transport{Proxy: nil}}
	server := runnerv1connect.NewRunnerServiceClient(direct, url+"/api/actions", connect.WithInterceptors(sign))
	request := &runnerv1.RegisterRequest{Name: "runner", Token: token, Version: version, Labels: labels}
	response, err := server.Register(ctx, connect.NewRequest(request))
	if err != nil {
		return nil, err
	}
	identity = response.Msg.Runner
	_, err = server.Declare(ctx, connect.NewRequest(&runnerv1.DeclareRequest{Version: version, Labels: labels}))
	log.Printf("registered as %s, labels %v", identity.Uuid, labels)
	return server, err
}

// serve runs one task after the other until the context ends.
func serve(ctx context.Context, server client, url, folder string) {
	var seen int64 // the version of the server's queue that had no task for this runner
	for ctx.Err() == nil {
		response, err := server.FetchTask(ctx, connect.NewRequest(&runnerv1.FetchTaskRequest{TasksVersion: seen}))
		switch {
		case err != nil:
			log.Printf("fetch: %v", err)
		case response.Msg.Task != nil:
			run(ctx, server, url, folder, response.Msg.Task)
			seen = 0 // there may be more
			continue
		default:
			seen = response.Msg.TasksVersion
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

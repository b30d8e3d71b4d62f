package main

import (
	"context"
	"log"
	"strings"
	"sync"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"connectrpc.com/connect"
	"github.com/nektos/act/pkg/model"
	"github.com/sirupsen/logrus"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var results = map[string]runnerv1.Result{
	"success":   runnerv1.Result_RESULT_SUCCESS,
	"failure":   runnerv1.Result_RESULT_FAILURE,
	"skipped":   runnerv1.Result_RESULT_SKIPPED,
	"cancelled": runnerv1.Result_RESULT_CANCELLED,
}

// report collects the log and the step states of one task, as a hook of the
// engine's logger. What is in secrets is masked.
type report struct {
	sync.Mutex
	state   *runnerv1.TaskState
	rows    []*runnerv1.LogRow
	secrets []string
}

func newReport(task *runnerv1.Task) *report {
	r := &report{state: &runnerv1.TaskState{Id: task.Id, StartedAt: timestamppb.Now()}}
	for _, name := range []string{"token", "gitea_runtime_token"} {
		if secret := task.Context.Fields[name].GetStringValue(); secret != "" {
			r.secrets = append(r.secrets, secret)
		}
	}
	for _, secret := range task.Secrets {
		r.secrets = append(r.secrets, secret)
	}
	return r
}

func (r *report) Levels() []logrus.Level { return logrus.AllLevels }

func (r *report) Fire(entry *logrus.Entry) error {
	r.Lock()
	defer r.Unlock()
	first := int64(len(r.rows))
	if raw, _ := entry.Data["raw_output"].(bool); raw || entry.Level <= logrus.InfoLevel {
		r.write(entry.Time, strings.TrimRight(entry.Message, "\r\n"))
	}
	now := timestamppb.New(entry.Time)
	if result, ok := entry.Data["jobResult"].(string); ok {
		r.state.Result, r.state.StoppedAt = results[result], now
	}
	number, ok := entry.Data["stepNumber"].(int)
	if stage, _ := entry.Data["stage"].(string); !ok || stage != "Main" || number < 0 || number >= len(r.state.Steps) {
		return nil
	}
	step := r.state.Steps[number]
	if step.StartedAt == nil {
		step.StartedAt, step.LogIndex = now, first
	}
	if step.Result == runnerv1.Result_RESULT_UNSPECIFIED {
		step.LogLength = int64(len(r.rows)) - step.LogIndex
	}
	if result, ok := entry.Data["stepResult"].(interface{ String() string }); ok {
		step.Result, step.StoppedAt = results[result.String()], now
	}
	return nil
}

func (r *report) write(at time.Time, line string) {
	for _, secret := range r.secrets {
		line = strings.ReplaceAll(line, secret, "***")
	}
	r.rows = append(r.rows, &runnerv1.LogRow{Time: timestamppb.New(at), Content: line})
}

// send completes the report with the task's end and gives it to the server.
// job is nil where the workflow could not be read.
func (r *report) send(ctx context.Context, server client, job *model.Job, failure error) {
	r.Lock()
	defer r.Unlock()
	if failure != nil {
		r.write(time.Now(), failure.Error())
	}
	if r.state.Result == runnerv1.Result_RESULT_UNSPECIFIED {
		r.state.Result = runnerv1.Result_RESULT_FAILURE
	}
	if r.state.StoppedAt == nil {
		r.state.StoppedAt = timestamppb.Now()
	}
	id := r.state.Id
	output := &runnerv1.UpdateLogRequest{TaskId: id, Rows: r.rows, NoMore: true}
	if _, err := server.UpdateLog(ctx, connect.NewRequest(output)); err != nil {
		log.Printf("task %d: log: %v", id, err)
	}
	update := &runnerv1.UpdateTaskRequest{State: r.state}
	if job != nil {
		update.Outputs = job.Outputs // the engine has evaluated them
	}
	if _, err := server.UpdateTask(ctx, connect.NewRequest(update)); err != nil {
		log.Printf("task %d: state: %v", id, err)
	}
	log.Printf("task %d: %v", id, r.state.Result)
}

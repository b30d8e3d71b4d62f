package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strconv"
	"strings"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"github.com/nektos/act/pkg/common"
	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/runner"
	"github.com/sirupsen/logrus"
)

// run executes one task and reports how it ended.
func run(ctx context.Context, server client, url, folder string, task *runnerv1.Task) {
	rep := newReport(task)
	job, err := execute(ctx, url, folder, task, rep)
	rep.send(context.WithoutCancel(ctx), server, job, err)
}

func execute(ctx context.Context, url, folder string, task *runnerv1.Task, rep *report) (*model.Job, error) {
	job, plan, err := read(task)
	if err != nil {
		return job, err
	}
	for number := range job.Steps {
		rep.state.Steps = append(rep.state.Steps, &runnerv1.StepState{Id: int64(number)})
	}
	engine, err := runner.New(configuration(url, folder, task))
	if err != nil {
		return job, err
	}
	return job, engine.NewPlanExecutor(plan)(common.WithLoggerHook(ctx, rep))
}

// read decodes the task's job and plans it alone. The server sends one job a
// task; of the jobs that it needs, which have ended, only the results and the
// outputs are known.
func read(task *runnerv1.Task) (*model.Job, *model.Plan, error) {
	workflow, err := model.ReadWorkflow(bytes.NewReader(task.WorkflowPayload))
	if err != nil {
		return nil, nil, err
	}
	id := workflow.GetJobIDs()[0]
	job := workflow.GetJob(id)
	var needs []string
	for name, need := range task.Needs {
		needs = append(needs, name)
		result := strings.ToLower(strings.TrimPrefix(need.Result.String(), "RESULT_"))
		workflow.Jobs[name] = &model.Job{Outputs: need.Outputs, Result: result}
	}
	if err = job.RawNeeds.Encode(needs); err != nil {
		return job, nil, err
	}
	plan, err := model.CombineWorkflowPlanner(workflow).PlanJob(id)
	if err != nil {
		return job, nil, err
	}
	plan.Stages = plan.Stages[len(plan.Stages)-1:]
	return job, plan, nil
}

func configuration(url, folder string, task *runnerv1.Task) *runner.Config {
	fields := task.Context.Fields
	text := func(name string) string { return fields[name].GetStringValue() }
	event, _ := fields["event"].GetStructValue().MarshalJSON()
	level := logrus.InfoLevel
	return &runner.Config{
		Workdir:               filepath.Join(folder, "task"+strconv.FormatInt(task.Id, 10)),
		ActionCacheDir:        filepath.Join(folder, "cache"),
		NoSkipCheckout:        true, // fetch actions/checkout like any other action
		LogOutput:             true,
		JobLoggerLevel:        &level,
		GitHubInstance:        url,
		DefaultActionInstance: url,
		EventJSON:             string(event),
		Env:                   map[string]string{"GITEA_ACTIONS": "true", "ACTIONS_RUNTIME_TOKEN": text("gitea_runtime_token")},
		Secrets:               task.Secrets,
		Vars:                  task.Vars,
		PlatformPicker:        func([]string) string { return "-self-hosted" },
		PresetGitHubContext: &model.GithubContext{
			Event:           fields["event"].GetStructValue().AsMap(),
			RunID:           text("run_id"),
			RunNumber:       text("run_number"),
			RunAttempt:      text("run_attempt"),
			Actor:           text("actor"),
			Repository:      text("repository"),
			EventName:       text("event_name"),
			Sha:             text("sha"),
			Ref:             text("ref"),
			RefName:         text("ref_name"),
			RefType:         text("ref_type"),
			HeadRef:         text("head_ref"),
			BaseRef:         text("base_ref"),
			Token:           text("token"),
			RepositoryOwner: text("repository_owner"),
			RetentionDays:   text("retention_days"),
		},
	}
}

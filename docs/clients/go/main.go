// A client of Atlas Router over gRPC. See ../README.md for how its stubs are generated.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	atlas "example.com/atlas/client/gen/atlas/v1"
)

var model = env("ATLAS_MODEL", "openai/gpt-4o-mini")

// Takes seconds to answer: the simulated fleet repeats what follows "echo:".
var longText = "echo:" + strings.Repeat(" on and", 1000)

func main() {
	connection, err := grpc.NewClient(
		env("ATLAS_GRPC", "localhost:50051"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer connection.Close()
	router := atlas.NewRouterServiceClient(connection)

	checks := []struct {
		name string
		run  func(context.Context, atlas.RouterServiceClient) (string, error)
	}{
		{"route", route},
		{"complete", complete},
		{"stream", stream},
		{"cancel", cancel},
		{"deadline", deadline},
		{"error details", errorDetails},
	}
	failed := false
	for _, check := range checks {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		told, err := check.run(ctx, router)
		stop()
		if err != nil {
			failed = true
			fmt.Printf("FAILED %s: %v\n", check.name, err)
		} else {
			fmt.Printf("ok %s: %s\n", check.name, told)
		}
	}
	if failed {
		os.Exit(1)
	}
}

// Where would a call go, and why there?
func route(ctx context.Context, router atlas.RouterServiceClient) (string, error) {
	response, err := router.Route(ctx, &atlas.RouteRequest{Spec: ask("Name three rivers.")})
	if err != nil {
		return "", err
	}
	total := 0.0
	for _, candidate := range response.GetCandidates() {
		total += candidate.GetShare()
	}
	endpoint := response.GetDecision().GetEndpoint()
	if endpoint == "" || math.Abs(total-1) > 1e-6 {
		return "", fmt.Errorf("endpoint %q, shares add up to %v", endpoint, total)
	}
	return fmt.Sprintf("%s of %d candidates", endpoint, len(response.GetCandidates())), nil
}

// The whole answer in one message.
func complete(ctx context.Context, router atlas.RouterServiceClient) (string, error) {
	response, err := router.Complete(ctx, &atlas.CompleteRequest{Spec: ask("Name three rivers.")})
	if err != nil {
		return "", err
	}
	text := ""
	for _, choice := range response.GetChoices() {
		for _, part := range choice.GetMessage().GetParts() {
			text += part.GetText()
		}
	}
	tokens := response.GetUsage().GetVisibleOutputTokens()
	cost := response.GetCost().GetTotalNanoUsd()
	attempts := len(response.GetAttempts())
	if text == "" || tokens == 0 || cost == 0 || attempts == 0 {
		return "", fmt.Errorf("incomplete answer: %v", response)
	}
	return fmt.Sprintf("%d characters, %d tokens, %d nano-USD, %d attempt(s)",
		len(text), tokens, cost, attempts), nil
}

// The answer as it is generated: started first, finished last, numbered without gaps.
func stream(ctx context.Context, router atlas.RouterServiceClient) (string, error) {
	events, err := router.StreamComplete(ctx,
		&atlas.StreamCompleteRequest{Spec: ask("Name three rivers.")})
	if err != nil {
		return "", err
	}
	text, pieces, started, finished := "", 0, false, false
	for sequence := int64(0); ; sequence++ {
		message, err := events.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if message.GetSequence() != sequence || finished {
			return "", fmt.Errorf("unexpected message %v", message)
		}
		switch event := message.GetEvent().(type) {
		case *atlas.StreamCompleteResponse_Started:
			started = sequence == 0
		case *atlas.StreamCompleteResponse_Content:
			text += event.Content.GetText()
			pieces++
		case *atlas.StreamCompleteResponse_Finished:
			finished = true
		}
	}
	if !started || !finished || text == "" {
		return "", fmt.Errorf("started %v, finished %v, text %q", started, finished, text)
	}
	return fmt.Sprintf("%d characters in %d pieces", len(text), pieces), nil
}

// Cancelling the context ends the call at the router and at the provider.
func cancel(ctx context.Context, router atlas.RouterServiceClient) (string, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	events, err := router.StreamComplete(ctx,
		&atlas.StreamCompleteRequest{Spec: ask(longText)})
	if err != nil {
		return "", err
	}
	var cancelled time.Time
	for {
		message, err := events.Recv()
		if err != nil {
			took := time.Since(cancelled)
			if status.Code(err) != codes.Canceled || cancelled.IsZero() || took > time.Second {
				return "", fmt.Errorf("expected CANCELLED within a second: %w", err)
			}
			return fmt.Sprintf("CANCELLED after %s", took.Round(time.Microsecond)), nil
		}
		if message.GetContent() != nil && cancelled.IsZero() {
			cancelled = time.Now()
			stop()
		}
	}
}

// The deadline travels with the call; without one the router takes 300 s.
func deadline(ctx context.Context, router atlas.RouterServiceClient) (string, error) {
	ctx, stop := context.WithTimeout(ctx, time.Millisecond)
	defer stop()
	_, err := router.Complete(ctx, &atlas.CompleteRequest{Spec: ask("Name three rivers.")})
	if status.Code(err) != codes.DeadlineExceeded {
		return "", fmt.Errorf("expected DEADLINE_EXCEEDED: %v", err)
	}
	return "DEADLINE_EXCEEDED", nil
}

// Every error says in google.rpc messages what is wrong.
func errorDetails(ctx context.Context, router atlas.RouterServiceClient) (string, error) {
	unknown := ask("Name three rivers.")
	unknown.Model = "nobody/nothing"
	_, err := router.Complete(ctx, &atlas.CompleteRequest{Spec: unknown})
	reason, resource := "", ""
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.GetReason()
		case *errdetails.ResourceInfo:
			resource = detail.GetResourceName()
		}
	}
	if status.Code(err) != codes.NotFound || reason != "MODEL_NOT_FOUND" || resource != unknown.Model {
		return "", fmt.Errorf("reason %q, resource %q: %v", reason, resource, err)
	}

	_, err = router.Complete(ctx, &atlas.CompleteRequest{Spec: &atlas.CompletionSpec{Model: model}})
	fields := []string{}
	for _, detail := range status.Convert(err).Details() {
		if badRequest, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range badRequest.GetFieldViolations() {
				fields = append(fields, violation.GetField())
			}
		}
	}
	if status.Code(err) != codes.InvalidArgument || !slices.Contains(fields, "spec.messages") {
		return "", fmt.Errorf("violated fields %q: %v", fields, err)
	}
	return fmt.Sprintf("%s %s, INVALID_ARGUMENT %s", reason, resource, strings.Join(fields, ", ")), nil
}

func ask(text string) *atlas.CompletionSpec {
	return &atlas.CompletionSpec{
		Model: model,
		Messages: []*atlas.Message{{
			Role:  atlas.Role_ROLE_USER,
			Parts: []*atlas.ContentPart{{Part: &atlas.ContentPart_Text{Text: text}}},
		}},
	}
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal os.Signal }

func (e interrupted) Error() string { return fmt.Sprintf("interrupted (%v)", e.signal) }

// Unwrap makes it a cancellation.
func (e interrupted) Unwrap() error { return context.Canceled }

// code is what a shell reports for a process that the signal ended.
func (e interrupted) code() int {
	if e.signal == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// untilSignal returns a context that Ctrl-C and SIGTERM end with an [interrupted]
// cause. It is for the stretch of a run that has to end at a safe point; elsewhere a
// signal ends the process at once, and nothing is lost.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			cancel(interrupted{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

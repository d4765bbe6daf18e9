/*
 * Stand-in for macOS's header: what agent/watch/fsevents.c uses of it, with
 * the values that Apple's documentation gives.
 */
#ifndef STANDIN_CORESERVICES_H
#define STANDIN_CORESERVICES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/unit/fsevents/dispatch/dispatch.h"

typedef unsigned char Boolean;
typedef long CFIndex;
typedef double CFTimeInterval;
typedef const void *CFTypeRef;
typedef const struct standin_allocator *CFAllocatorRef;
typedef const struct standin_string *CFStringRef;
typedef const struct standin_array *CFArrayRef;
typedef struct {
	int none;
} CFArrayCallBacks;
extern const CFArrayCallBacks kCFTypeArrayCallBacks;

CFStringRef CFStringCreateWithFileSystemRepresentation(
    CFAllocatorRef allocator, const char *path);
CFArrayRef CFArrayCreate(CFAllocatorRef allocator, const void **values,
    CFIndex count, const CFArrayCallBacks *callbacks);
void CFRelease(CFTypeRef thing);

typedef struct {
	uint8_t byte0, byte1, byte2, byte3, byte4, byte5, byte6, byte7;
	uint8_t byte8, byte9, byte10, byte11, byte12, byte13, byte14, byte15;
} CFUUIDBytes;
typedef const struct standin_uuid *CFUUIDRef;
CFUUIDBytes CFUUIDGetUUIDBytes(CFUUIDRef uuid);

/* glibc has another name for it */
#define st_ctimespec st_ctim

typedef struct standin_stream *FSEventStreamRef;
typedef const struct standin_stream *ConstFSEventStreamRef;
typedef uint32_t FSEventStreamCreateFlags;
typedef uint32_t FSEventStreamEventFlags;
typedef uint64_t FSEventStreamEventId;
typedef void (*FSEventStreamCallback)(ConstFSEventStreamRef stream, void *info,
    size_t count, void *paths, const FSEventStreamEventFlags *flags,
    const FSEventStreamEventId *ids);
typedef struct {
	CFIndex version;
	void *info;
	void *retain;
	void *release;
	void *describe;
} FSEventStreamContext;

#define kFSEventStreamEventIdSinceNow UINT64_MAX

enum {
	kFSEventStreamCreateFlagUseCFTypes = 0x1,
	kFSEventStreamCreateFlagNoDefer = 0x2,
	kFSEventStreamCreateFlagWatchRoot = 0x4,
	kFSEventStreamCreateFlagFileEvents = 0x10,
};

enum {
	kFSEventStreamEventFlagMustScanSubDirs = 0x1,
	kFSEventStreamEventFlagUserDropped = 0x2,
	kFSEventStreamEventFlagKernelDropped = 0x4,
	kFSEventStreamEventFlagEventIdsWrapped = 0x8,
	kFSEventStreamEventFlagHistoryDone = 0x10,
	kFSEventStreamEventFlagRootChanged = 0x20,
	kFSEventStreamEventFlagMount = 0x40,
	kFSEventStreamEventFlagUnmount = 0x80,
	kFSEventStreamEventFlagItemCreated = 0x100,
	kFSEventStreamEventFlagItemRemoved = 0x200,
	kFSEventStreamEventFlagItemInodeMetaMod = 0x400,
	kFSEventStreamEventFlagItemRenamed = 0x800,
	kFSEventStreamEventFlagItemModified = 0x1000,
	kFSEventStreamEventFlagItemFinderInfoMod = 0x2000,
	kFSEventStreamEventFlagItemChangeOwner = 0x4000,
	kFSEventStreamEventFlagItemXattrMod = 0x8000,
	kFSEventStreamEventFlagItemIsFile = 0x10000,
	kFSEventStreamEventFlagItemIsDir = 0x20000,
	kFSEventStreamEventFlagItemIsSymlink = 0x40000,
};

FSEventStreamRef FSEventStreamCreate(CFAllocatorRef allocator,
    FSEventStreamCallback callback, FSEventStreamContext *context,
    CFArrayRef paths, FSEventStreamEventId since, CFTimeInterval latency,
    FSEventStreamCreateFlags flags);
void FSEventStreamSetDispatchQueue(
    FSEventStreamRef stream, dispatch_queue_t queue);
Boolean FSEventStreamStart(FSEventStreamRef stream);
void FSEventStreamStop(FSEventStreamRef stream);
void FSEventStreamInvalidate(FSEventStreamRef stream);
void FSEventStreamRelease(FSEventStreamRef stream);
FSEventStreamEventId FSEventsGetCurrentEventId(void);
CFUUIDRef FSEventsCopyUUIDForDevice(dev_t dev);

#endif
